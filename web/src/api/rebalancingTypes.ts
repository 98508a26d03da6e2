/** Bodies and answers about rebalancing. */

import type { Decimal, Timestamp } from "./types";

export type ModelName =
  | "equal"
  | "minimum_variance"
  | "maximum_sharpe"
  | "risk_parity"
  | "hrp"
  | "cvar"
  | "black_litterman";
export type Lots = "account" | "fifo" | "lifo" | "highest_cost" | "least_tax";
export type Status = "proposed" | "rejected" | "selling" | "buying" | "done" | "stopped";
export type Period = "day" | "week" | "month" | "quarter" | "year";

export interface Model {
  name: ModelName;
  title: string;
  available: boolean;
  needs: string | null;
}

/** What is asked for; what is left out is as the server has it. */
export interface Target {
  weights?: Record<string, Decimal>;
  model?: ModelName;
  symbols?: string[];
  sectors?: Record<string, { high: Decimal }>;
  max_weight?: Decimal;
  turnover?: Decimal;
  cash_buffer?: Decimal;
  band?: Decimal;
  min_trade?: Decimal;
  whole_shares: boolean;
  lots: Lots;
  no_wash_sale: boolean;
  others: "keep" | "sell";
  tax_short?: Decimal;
  tax_long?: Decimal;
}

export interface Line {
  symbol: string;
  qty_before: Decimal;
  weight_before: Decimal;
  target: Decimal | null;
  qty_after: Decimal;
  weight_after: Decimal;
}

export interface TermGains {
  short: Decimal;
  long: Decimal;
}

export interface Trade {
  symbol: string;
  side: "buy" | "sell";
  qty: Decimal;
  mark: Decimal;
  value: Decimal;
  limit: Decimal | null;
  fee: Decimal;
  slippage: Decimal;
  gains: TermGains;
}

export interface Remark {
  symbol: string | null;
  code: string;
  detail: string;
}

export interface RiskFigures {
  var: { amount: Decimal; share: number | null } | null;
  shortfall: { amount: Decimal; share: number | null } | null;
  volatility: number | null;
  beta: number | null;
  largest: number | null;
}

export interface FrontierPoint {
  volatility: number;
  expected: number;
}

export interface Frontier {
  points: FrontierPoint[];
  before: FrontierPoint;
  after: FrontierPoint;
}

export interface Draft {
  as_of: Timestamp;
  equity: Decimal;
  cash: Decimal;
  cash_after: Decimal;
  lines: Line[];
  trades: Trade[];
  left: Remark[];
  turnover: Decimal;
  fees: Decimal;
  slippage: Decimal;
  gains: TermGains;
  tax: Decimal;
  risk_before: RiskFigures;
  risk_after: RiskFigures;
  frontier: Frontier | null;
  notes: Remark[];
}

export interface ProposalBrief {
  id: string;
  made_at: Timestamp;
  status: Status;
  plan: boolean;
  why: string | null;
}

export interface Wanted {
  model: ModelName | null;
  weights: Record<string, Decimal>;
  [name: string]: unknown;
}

export interface Proposal extends ProposalBrief {
  wanted: Wanted;
  draft: Draft;
}

export interface Plan {
  wanted: Wanted;
  every: Period | null;
  drift: Decimal | null;
  automatic: boolean;
  looked_at: Timestamp | null;
}
