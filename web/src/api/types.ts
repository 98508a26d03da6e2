/** The words of the HTTP and websocket contract, as they travel. Decimals are strings; times are RFC 3339 UTC. */

export type Decimal = string;
export type Timestamp = string;
/** A statistic (probability, contribution, volume): a number, or a decimal string. Never money. */
export type Figure = number | string;

export type Side = "buy" | "sell";
export type OrderType = "market" | "limit" | "stop" | "stop_limit" | "trailing_stop";
export type TimeInForce = "day" | "gtc" | "ioc" | "fok" | "opg" | "cls";
export type OrderClass = "simple" | "bracket" | "oco" | "oto";
export type Leg = "entry" | "take_profit" | "stop_loss";
export type OrderStatus =
  | "pending_new"
  | "unknown"
  | "held"
  | "new"
  | "partially_filled"
  | "filled"
  | "canceled"
  | "expired"
  | "replaced"
  | "rejected";

export interface User {
  id: string;
  email: string;
  display_name: string | null;
  role: "owner" | "admin" | "trader" | "viewer";
  created_at: Timestamp;
  account_id: string;
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  /** Seconds until the access token ends. */
  expires_in: number;
}

export interface Order {
  id: string;
  client_order_id: string | null;
  symbol: string;
  side: Side;
  type: OrderType;
  time_in_force: TimeInForce;
  /** Null of an order for a value, which `notional` is. */
  qty: Decimal | null;
  notional: Decimal | null;
  limit_price: Decimal | null;
  stop_price: Decimal | null;
  trail_price: Decimal | null;
  trail_percent: Decimal | null;
  order_class: OrderClass;
  /** What it is among the orders of its group; null of one that stands alone. */
  leg: Leg | null;
  group_id: string | null;
  status: OrderStatus;
  filled_qty: Decimal;
  filled_avg_price: Decimal | null;
  hold: Decimal;
  placed_at: Timestamp;
  updated_at: Timestamp;
  replaces: string | null;
  replaced_by: string | null;
  signal_id: string | null;
  /** Name of the strategy that placed it; null of one that a person or the platform placed. */
  strategy: string | null;
  reason: string | null;
  /** The exits of an order that has some. */
  legs: Order[] | null;
}

export interface OrderRequest {
  symbol: string;
  side: Side;
  type: OrderType;
  qty: Decimal;
  limit_price?: Decimal;
  stop_price?: Decimal;
  trail_percent?: Decimal;
  time_in_force: TimeInForce;
  order_class?: OrderClass;
  take_profit?: { limit_price: Decimal };
  stop_loss?: { stop_price: Decimal };
}

/** What changes in an open order; `qty` is the new total, fills so far included. */
export interface OrderChange {
  qty?: Decimal;
  limit_price?: Decimal;
  stop_price?: Decimal;
  /** The new trail_price or trail_percent, whichever the order has. */
  trail?: Decimal;
}

/** The first of two steps to trade again: what the second has to give. */
/** What an account still has; closing: the market orders that reduce a position. */
export interface Flatness {
  time: string;
  halted: string | null;
  flat: boolean;
  open_orders: number;
  positions: { symbol: string; qty: string; closing: string[] }[];
}

export interface Killed extends Flatness {
  canceled: string[];
  placed: string[];
  refused: { code: string; detail: string }[];
}

export interface ResumeCode {
  code: string;
}

export interface Execution {
  price: Decimal;
  qty: Decimal;
  fee: Decimal;
  time: Timestamp;
}

export interface Position {
  symbol: string;
  qty: Decimal;
  avg_entry_price: Decimal;
  cost_basis: Decimal;
  mark: Decimal | null;
  market_value: Decimal;
  unrealised_pnl: Decimal;
  realised_pnl: Decimal;
  /** Money gained or lost since the previous session's close. */
  day_change: Decimal | null;
}

export interface Portfolio {
  account_id: string;
  currency: string;
  cash: Decimal;
  held: Decimal;
  available: Decimal;
  market_value: Decimal;
  equity: Decimal;
  starting_cash: Decimal;
  realised_pnl: Decimal;
  unrealised_pnl: Decimal;
  fees: Decimal;
  dividends: Decimal;
  /** A fraction: "0.05" is five percent. */
  total_return: Decimal;
  /** Why trading is paused; null where it is not. */
  halted: string | null;
  as_of: Timestamp;
  holdings: Position[];
}

export interface EquityPoint {
  time: Timestamp;
  equity: Decimal;
  cash: Decimal;
}

export interface Instrument {
  symbol: string;
  name: string;
  exchange: string;
  first_bar: Timestamp | null;
  last_bar: Timestamp | null;
  bars: number;
}

export interface Bar {
  time: Timestamp;
  open: Decimal;
  high: Decimal;
  low: Decimal;
  close: Decimal;
  volume: Figure;
}

/** A split or dividend of one instrument, known by now. */
export interface CorporateAction {
  ex_date: string;
  /** The time of the bar it shows in. */
  time: Timestamp;
  kind: "split" | "dividend";
  amount: Decimal | null;
  /** `new` shares for `old` ones. */
  new: number;
  old: number;
  estimated: boolean;
}

export interface Bars {
  symbol: string;
  adjustment: string;
  items: Bar[];
}

/** The last bar of one instrument as the websocket tells it; `change` is a fraction of the previous close. */
export interface Quote {
  open: Decimal;
  high: Decimal;
  low: Decimal;
  close: Decimal;
  volume: Figure;
  change: Decimal | null;
}

export interface PricesData {
  time: Timestamp;
  prices: Record<string, Quote>;
}

export interface Clock {
  session_id: string;
  name: string;
  mode: string;
  time: Timestamp;
  date: string;
  paused: boolean;
  /** Bars a second; 0 is as fast as it can. */
  speed: number;
  step: number;
  steps: number;
  ended: boolean;
  start: string;
  end: string;
  /** The date a jump under way goes to. */
  jump_to?: string | null;
  /** Index of the first step this session played; older servers do not tell. */
  first_step?: number;
}

export interface ClockChange {
  paused?: boolean;
  speed?: number;
  jump_to?: string;
}

export interface Contribution {
  feature: string;
  label: string;
  value: Figure | null;
  contribution: Figure;
  effect: "raises" | "lowers";
}

export interface ModelCard {
  version: string;
  trained_from: string;
  trained_to: string;
  samples: number;
  accuracy: Figure | null;
  /** How often always saying the usual is right on the same data. */
  accuracy_of_base_rate?: Figure | null;
}

export interface Rationale {
  summary: string;
  contributions: Contribution[];
  model: ModelCard | null;
}

export interface Signal {
  id: string;
  time: Timestamp;
  symbol: string;
  strategy: string;
  action: Side | "hold";
  probability: Figure | null;
  confidence: Figure | null;
  target_weight: Figure | null;
  order_id: string | null;
  rationale: Rationale;
}

export interface ChainLink {
  position: number;
  type: string;
  time: Timestamp;
  title: string;
  detail: string;
}

/** The strategy that placed an order; null is what is not on record. */
export interface Placer {
  name: string;
  source: string | null;
  sha256: string | null;
  parameters: Record<string, string> | null;
  assigned_at: Timestamp | null;
}

/** A strategy that trades the account; stopped: why it is not run. */
export interface Assignment extends Placer {
  warnings: string[];
  stopped: string | null;
  stopped_at: Timestamp | null;
}

export interface Why {
  order: Order;
  strategy: Placer | null;
  signal: Signal | null;
  chain: ChainLink[];
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface InboxEntry {
  id: string;
  position: number;
  kind: string;
  severity: "info" | "warning" | "critical";
  title: string;
  body: string;
  account_id: string | null;
  time: Timestamp;
  read_at: Timestamp | null;
}

/** The newest entries, and how many of the whole inbox are unread. */
export interface Inbox {
  items: InboxEntry[];
  unread: number;
}

export type Value = string | number | boolean;

/** A parameter of a strategy; least and most are both in its range. Exact amounts are decimal strings. */
export interface ParameterRange {
  name: string;
  kind: string;
  preset: Value | null;
  least: Value | null;
  most: Value | null;
  choices: Value[];
}

export interface Strategy {
  name: string;
  about: string;
  /** Whether a sweep takes it. */
  sweeps: boolean;
  parameters: ParameterRange[];
}

export type BacktestStatus = "queued" | "running" | "done" | "failed" | "cancelled";

/** A data set that a backtest may name. */
export interface DataSet {
  name: string;
  calendar: string;
  time_frames: string[];
  symbols: string[];
  bars: number;
  quarantined: number;
  first: string;
  last: string;
}

/** Slippage by size, with the numbers of its model. */
export interface Impact {
  model: "volume_share" | "square_root";
  price_impact?: Decimal;
  limit?: Decimal;
  volatility?: Decimal;
  coefficient?: Decimal;
}

export interface Costs {
  fee_bps?: Decimal;
  fee_per_share?: Decimal;
  fee_minimum?: Decimal;
  slippage_bps?: Decimal;
  participation?: Decimal;
  impact?: Impact;
  latency_ms?: number;
}

export interface BacktestRequest extends Costs {
  strategy: string;
  parameters: Record<string, Value>;
  data: string;
  symbols: string[];
  start?: string;
  end?: string;
  cash: Decimal;
  account?: string;
}

export interface Backtest {
  id: string;
  status: BacktestStatus;
  /** From 0 to 1. */
  progress: number;
  strategy: string;
  parameters: Record<string, Value | null>;
  data: string;
  symbols: string[];
  start: Timestamp | null;
  end: Timestamp | null;
  cash: Decimal;
  created_at: Timestamp;
  finished_at: Timestamp | null;
  error: string | null;
  metrics: Record<string, Value | null> | null;
  /** Costs and rules of filling, in words. */
  assumptions: Record<string, string>;
  /** How far its newest validation is. */
  validation: BacktestStatus | null;
  verdict: Verdict | null;
}

export type Verdict = "promote" | "watch" | "reject";

export interface Check {
  name: string;
  value: string;
  threshold: string;
  outcome: "passed" | "watch" | "rejected" | "not measured";
  why: string;
}

/** The validation of a backtest: how far it is, and the verdict with its reasons once it is done. */
export interface Validation {
  id: string;
  backtest_id: string;
  status: BacktestStatus;
  progress: number;
  error: string | null;
  quick: boolean;
  tried: number;
  verdict: Verdict | null;
  words: string | null;
  checks: Check[];
  curve: { times: Timestamp[]; equity: number[]; baseline: number[] } | null;
  baselines: { name: string; sharpe: number }[];
}

export interface ValidationRequest {
  quick: boolean;
  tried: number;
}

export interface ValidationNews extends BacktestNews {
  backtest_id: string;
}

/** What is asked of every combination of a sweep, and how far it is. */
export interface Sweep extends Costs {
  id: string;
  status: BacktestStatus;
  progress: number;
  strategy: string;
  /** Those that are the same in all sets. */
  parameters: Record<string, Value | null>;
  /** Empty where sets were drawn at random or proposed by TPE: so many as the other two say. */
  grid: Record<string, Value[]>;
  random: number | null;
  tpe: number | null;
  by: string;
  data: string;
  symbols: string[];
  start: Timestamp | null;
  end: Timestamp | null;
  cash: Decimal;
  account: string;
  created_at: Timestamp;
  error: string | null;
  /** Null until it is done, as are the other counts; best: the number of the set with the highest Sharpe ratio. */
  sets: number | null;
  skipped: number | null;
  failed: number | null;
  best: number | null;
}

export interface SweepRequest extends BacktestRequest {
  grid: Record<string, Value[]>;
}

/** One combination with its figures; fractions, null where there is none. */
export interface SweepSet {
  number: number;
  parameters: Record<string, Value>;
  equity: Decimal | null;
  total_return: number | null;
  cagr: number | null;
  sharpe: number | null;
  max_drawdown: number | null;
  exposure: number | null;
  turnover: number | null;
  trades: number;
  costs: Decimal;
  error: string | null;
}

export interface BacktestNews {
  id: string;
  status: BacktestStatus;
  progress: number;
}

/** Columns of one length. */
export interface BacktestCurve {
  times: Timestamp[];
  equity: number[];
  drawdown: number[];
}

export interface BacktestTrade {
  symbol: string;
  side: "long" | "short";
  qty: Decimal;
  /** The most that was held at a time; null of a backtest from before it was kept. */
  largest: Decimal | null;
  entry_at: Timestamp;
  entry_price: Decimal;
  exit_at: Timestamp | null;
  exit_price: Decimal | null;
  gross: Decimal;
  fees: Decimal;
  net: Decimal;
}

export interface Compared {
  backtest: Backtest;
  differs: Record<string, unknown>;
  curve: { times: Timestamp[]; growth: number[] };
}

export type Channel = "prices" | "orders" | "portfolio" | "signals" | "clock" | "inbox" | "backtests";

export type Frame =
  | { type: "authenticated" }
  | { type: "subscribed"; channels: Channel[]; position: number }
  | { type: "prices"; data: PricesData }
  | { type: "clock"; data: Clock }
  | { type: "portfolio"; data: Portfolio }
  | { type: "inbox"; data: Inbox }
  | { type: "backtest"; data: BacktestNews }
  | { type: "validation"; data: ValidationNews }
  | { type: "sweep"; data: BacktestNews }
  | { type: "order"; position: number; event: string; order: Order | null; execution: Execution | null }
  | { type: "signal"; position: number; data: Signal }
  | { type: "error"; code: string; detail: string };
