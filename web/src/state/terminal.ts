/** Everything the page knows, and how each frame of the websocket changes it. Pure: state in, state out. */

import type { Connection } from "../api/socket";
import type {
  BacktestNews,
  Clock,
  Execution,
  Frame,
  Inbox,
  Instrument,
  Order,
  OrderStatus,
  Portfolio,
  Quote,
  Side,
  Signal,
  User,
  ValidationNews,
} from "../api/types";
import { money, quantity } from "./format";

export interface OrderEntry {
  order: Order;
  /** Journal position of the frame that told it; null when it came from a request. */
  position: number | null;
}

export interface Fill extends Execution {
  orderId: string;
  symbol: string;
  side: Side;
}

export interface Toast {
  id: number;
  tone: Side | "plain";
  title: string;
  detail: string;
  /** Fills summed up in this toast; 0 when it tells of one thing only. */
  fills: number;
}

export interface QuoteEntry extends Quote {
  time: string;
}

export interface TerminalState {
  user: User | null;
  connection: Connection;
  /** Set when the first picture could not be fetched. */
  loadError: string | null;
  loaded: boolean;
  clock: Clock | null;
  portfolio: Portfolio | null;
  instruments: readonly Instrument[];
  quotes: Readonly<Record<string, QuoteEntry>>;
  /** Newest first. */
  orders: readonly OrderEntry[];
  /** Newest first. */
  signals: readonly Signal[];
  inbox: Inbox;
  /** The last word on each backtest, as told live. */
  backtests: Readonly<Record<string, BacktestNews>>;
  /** The last word on each validation, by its backtest. */
  validations: Readonly<Record<string, ValidationNews>>;
  /** The last word on each sweep. */
  sweeps: Readonly<Record<string, BacktestNews>>;
  /** Oldest first; those told live. */
  fills: readonly Fill[];
  toasts: readonly Toast[];
  toastCount: number;
  selected: string | null;
}

export interface Snapshot {
  clock: Clock;
  portfolio: Portfolio;
  instruments: readonly Instrument[];
  orders: readonly Order[];
  signals: readonly Signal[];
}

export const EMPTY_TERMINAL: TerminalState = {
  user: null,
  connection: "connecting",
  loadError: null,
  loaded: false,
  clock: null,
  portfolio: null,
  instruments: [],
  quotes: {},
  orders: [],
  signals: [],
  inbox: { items: [], unread: 0 },
  backtests: {},
  validations: {},
  sweeps: {},
  fills: [],
  toasts: [],
  toastCount: 0,
  selected: null,
};

const KEPT_ORDERS = 300;
const KEPT_SIGNALS = 150;
const KEPT_FILLS = 2000;
const KEPT_TOASTS = 4;
/** More fills than this in one batch are told by one toast. */
const TOLD_ONE_BY_ONE = 2;

const OPEN: ReadonlySet<OrderStatus> = new Set(["pending_new", "unknown", "held", "new", "partially_filled"]);

export function isOpen(order: Order): boolean {
  return OPEN.has(order.status);
}

/** Drops the oldest closed orders beyond what is kept; open ones always stay. */
function trimmed(orders: readonly OrderEntry[]): readonly OrderEntry[] {
  if (orders.length <= KEPT_ORDERS) return orders;
  return orders.filter((entry, index) => index < KEPT_ORDERS || isOpen(entry.order));
}

/** Takes an order in; an older word about the same order is ignored. */
export function withOrder(
  orders: readonly OrderEntry[],
  order: Order,
  position: number | null,
): readonly OrderEntry[] {
  const index = orders.findIndex((entry) => entry.order.id === order.id);
  const known = orders[index];
  if (known === undefined) return trimmed([{ order, position }, ...orders]);
  if (position !== null && known.position !== null && position < known.position) return orders;
  return orders.with(index, { order, position: position ?? known.position });
}

/** Takes in an order that a request told of, and its legs behind it. */
export function withPlaced(orders: readonly OrderEntry[], placed: Order): readonly OrderEntry[] {
  return [placed, ...(placed.legs ?? [])].reduce((known, order) => withOrder(known, order, null), orders);
}

/** The fetched list, with what the websocket said meanwhile: what it said wins, and what it alone knows comes first. */
export function mergeOrders(live: readonly OrderEntry[], fetched: readonly Order[]): readonly OrderEntry[] {
  const told = new Map(live.filter((entry) => entry.position !== null).map((entry) => [entry.order.id, entry]));
  const listed = fetched.map((order) => told.get(order.id) ?? { order, position: null });
  const ids = new Set(fetched.map((order) => order.id));
  return trimmed([...[...told.values()].filter((entry) => !ids.has(entry.order.id)), ...listed]);
}

function withSignal(signals: readonly Signal[], signal: Signal): readonly Signal[] {
  const index = signals.findIndex((known) => known.id === signal.id);
  if (index >= 0) return signals.with(index, signal);
  return [signal, ...signals].slice(0, KEPT_SIGNALS);
}

function mergeSignals(live: readonly Signal[], fetched: readonly Signal[]): readonly Signal[] {
  const ids = new Set(live.map((signal) => signal.id));
  return [...live, ...fetched.filter((signal) => !ids.has(signal.id))].slice(0, KEPT_SIGNALS);
}

function withQuotes(state: TerminalState, frame: Extract<Frame, { type: "prices" }>): TerminalState {
  const { time, prices } = frame.data;
  const fresh = Object.fromEntries(Object.entries(prices).map(([symbol, quote]) => [symbol, { ...quote, time }]));
  return { ...state, quotes: { ...state.quotes, ...fresh } };
}

function withOrderFrame(state: TerminalState, frame: Extract<Frame, { type: "order" }>): TerminalState {
  const { order, execution, position } = frame;
  if (order === null) return state;
  const orders = withOrder(state.orders, order, position);
  if (execution === null) return { ...state, orders };
  const fill: Fill = { ...execution, orderId: order.id, symbol: order.symbol, side: order.side };
  return { ...state, orders, fills: [...state.fills, fill].slice(-KEPT_FILLS) };
}

function applyFrame(state: TerminalState, frame: Frame): TerminalState {
  switch (frame.type) {
    case "prices":
      return withQuotes(state, frame);
    case "clock":
      return { ...state, clock: frame.data };
    case "portfolio":
      return { ...state, portfolio: frame.data };
    case "inbox":
      return { ...state, inbox: frame.data };
    case "validation":
      return { ...state, validations: { ...state.validations, [frame.data.backtest_id]: frame.data } };
    case "sweep":
      return { ...state, sweeps: { ...state.sweeps, [frame.data.id]: frame.data } };
    case "backtest":
      return { ...state, backtests: { ...state.backtests, [frame.data.id]: frame.data } };
    case "order":
      return withOrderFrame(state, frame);
    case "signal":
      return { ...state, signals: withSignal(state.signals, frame.data) };
    default:
      return state;
  }
}

type News = Omit<Toast, "id" | "fills">;

export function withToast(state: TerminalState, news: News, fills = 0): TerminalState {
  const id = state.toastCount + 1;
  return { ...state, toastCount: id, toasts: [...state.toasts, { ...news, id, fills }].slice(-KEPT_TOASTS) };
}

function fillToast(fill: Fill): News {
  const verb = fill.side === "buy" ? "Bought" : "Sold";
  return {
    tone: fill.side,
    title: `${verb} ${quantity(fill.qty)} ${fill.symbol}`,
    detail: `at ${money(fill.price)}, fee ${money(fill.fee)}`,
  };
}

/** Few fills get a toast each; many share one, and go on counting in it while it shows. */
function withFillToasts(state: TerminalState, fills: readonly Fill[]): TerminalState {
  const summary = state.toasts.find((toast) => toast.fills > 0);
  if (summary === undefined && fills.length <= TOLD_ONE_BY_ONE) {
    return fills.reduce((known, fill) => withToast(known, fillToast(fill)), state);
  }
  const total = fills.length + (summary?.fills ?? 0);
  const news: News = { tone: "plain", title: `${total} orders filled`, detail: "" };
  if (summary === undefined) return withToast(state, news, total);
  const counted = { ...summary, ...news, fills: total };
  return { ...state, toasts: state.toasts.map((toast) => (toast === summary ? counted : toast)) };
}

/** Applies one batch of frames in order. */
export function applyFrames(state: TerminalState, frames: readonly Frame[]): TerminalState {
  const after = frames.reduce(applyFrame, state);
  const executed = frames.filter((frame) => frame.type === "order" && frame.order && frame.execution).length;
  return executed === 0 ? after : withFillToasts(after, after.fills.slice(-executed));
}

/** Takes in the picture fetched by requests. Clock and portfolio told live meanwhile are newer and stay. */
export function applySnapshot(state: TerminalState, snapshot: Snapshot): TerminalState {
  const live = state.connection === "live";
  const firstHolding = snapshot.portfolio.holdings[0]?.symbol;
  return {
    ...state,
    loaded: true,
    loadError: null,
    clock: live && state.clock !== null ? state.clock : snapshot.clock,
    portfolio: live && state.portfolio !== null ? state.portfolio : snapshot.portfolio,
    instruments: snapshot.instruments,
    orders: mergeOrders(state.orders, snapshot.orders),
    signals: mergeSignals(state.signals, snapshot.signals),
    selected: state.selected ?? firstHolding ?? snapshot.instruments[0]?.symbol ?? null,
  };
}
