/** Answers about what an account is worth, how it did and what it may lose. */

import type { Decimal, Timestamp } from "./types";

export type Every = "day" | "week" | "month" | "quarter" | "year";
export type By = "position" | "sector" | "strategy";

export interface Period {
  label: string;
  flows: Decimal;
  gain: Decimal;
  end_equity: Decimal;
  time_weighted: number | null;
  benchmark: number | null;
  reason: string | null;
}

export interface Performance {
  starts: Timestamp | null;
  ends: Timestamp | null;
  closes: number;
  flows: Decimal;
  gain: Decimal;
  end_equity: Decimal;
  realised: Decimal;
  unrealised: Decimal;
  dividends: Decimal;
  costs: Decimal;
  time_weighted: number | null;
  time_weighted_annual: number | null;
  money_weighted: number | null;
  benchmark_symbol: string | null;
  benchmark: number | null;
  excess: number | null;
  statistics: { volatility: number | null; sharpe: number | null; max_drawdown: number } | null;
  periods: Period[];
  reasons: Record<string, string>;
}

export interface Allocation {
  at: Timestamp;
  equity: Decimal | null;
  reason: string | null;
  shares: { name: string; market_value: Decimal | null; weight: Decimal | null; unrealised: Decimal | null }[];
}

export interface Contribution {
  gain: Decimal;
  time_weighted: Decimal | null;
  reason: string | null;
  parts: { name: string; gain: Decimal; contribution: Decimal | null }[];
}

export type Colour = "green" | "amber" | "red";

export interface LimitUse {
  name: string;
  unit: string;
  limit: Decimal;
  used: Decimal | null;
  part: Decimal | null;
  colour: Colour;
  of: string | null;
  reason: string | null;
}

export interface RiskStatus {
  as_of: Timestamp;
  colour: Colour;
  halted: string | null;
  limits: LimitUse[];
}

export interface UseHistory {
  name: string;
  unit: string;
  limit: Decimal | null;
  items: { time: Timestamp; used: number | null }[];
}

export interface Reason {
  figure: string;
  detail: string;
  symbol: string | null;
}

export interface Loss {
  amount: Decimal;
  share: number | null;
  low: Decimal | null;
  high: Decimal | null;
}

export interface Tested {
  statistic: number | null;
  p_value: number | null;
}

export interface RiskAnalysis {
  as_of: Timestamp;
  equity: Decimal;
  value: Decimal;
  days: number;
  var: Loss | null;
  shortfall: Loss | null;
  backtest: {
    days: number;
    exceeded: number;
    expected: number;
    kupiec: Tested;
    christoffersen: Tested;
    shortfall: Tested;
    light: Colour;
  } | null;
  volatility: { next_year_rate: number; past_year_rate: number } | null;
  drawdown: { deepest: number; of_account: number | null } | null;
  benchmark: string | null;
  beta: number | null;
  correlation: { mean: number | null; stressed: number | null } | null;
  concentration: { effective: number; largest: string; largest_part: number } | null;
  liquidity: { longest: number | null } | null;
  positions: { symbol: string; value: Decimal; weight: number | null; shortfall: Decimal; shortfall_part: number | null }[];
  reasons: Reason[];
}

export interface Scenario {
  name: string;
  title: string;
  market: number | null;
  profit: Decimal;
  share: number | null;
  positions: { symbol: string; move: number; profit: Decimal; basis: string }[];
  reasons: Reason[];
}

export interface Scenarios {
  as_of: Timestamp;
  equity: Decimal;
  scenarios: Scenario[];
  reverse: { share: number; loss: Decimal; market: number | null; deviations: number | null } | null;
  reasons: Reason[];
}

export interface Shocks {
  name: string;
  market?: number;
  sectors?: Record<string, number>;
  symbols: Record<string, number>;
  factors?: Record<string, number>;
}

export interface RiskFactors {
  months: number;
  first: string | null;
  last: string | null;
  r_squared: number | null;
  coefficients: { name: string; value: number; p: number | null; low: number; high: number }[];
  reasons: Reason[];
}

export interface SavedScenario {
  name: string;
  market: number | null;
  sectors: Record<string, number>;
  symbols: Record<string, number>;
  factors: Record<string, number>;
}
