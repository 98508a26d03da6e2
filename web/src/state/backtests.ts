/** The list of backtests as the page shows it: what was fetched, with what was told live since. Pure. */

import type { Backtest, BacktestNews, BacktestStatus, Check, Compared, Value } from "../api/types";
import { money, NOTHING, percent, words } from "./format";

const ORDER: readonly BacktestStatus[] = ["queued", "running", "done", "failed", "cancelled"];

export function isLive(status: BacktestStatus): boolean {
  return status === "queued" || status === "running";
}

/** The list with the news in it; an older word (it never goes back from an end) is ignored. */
export function withNews<Work extends BacktestNews>(
  list: readonly Work[],
  news: Readonly<Record<string, BacktestNews>>,
): readonly Work[] {
  return list.map((one) => {
    const told = news[one.id];
    if (told === undefined || !isLive(one.status)) return one;
    return { ...one, status: told.status, progress: told.progress };
  });
}

/** Whether the list has to be fetched again: something new was told, or an end whose figures are not here. */
export function isStale(list: readonly BacktestNews[], news: Readonly<Record<string, BacktestNews>>): boolean {
  const known = new Map(list.map((one) => [one.id, one]));
  return Object.values(news).some((told) => {
    const one = known.get(told.id);
    return one === undefined ? isLive(told.status) : isLive(one.status) && !isLive(told.status);
  });
}

export function statusWords(backtest: BacktestNews): string {
  if (backtest.status === "running") return `running, ${Math.floor(backtest.progress * 100)}%`;
  return ORDER.includes(backtest.status) ? backtest.status : words(backtest.status);
}

/** "fast 20, slow 50" */
export function parameterWords(parameters: Backtest["parameters"]): string {
  const parts = Object.entries(parameters).map(([name, value]) => `${words(name)} ${String(value)}`);
  return parts.length === 0 ? "usual values" : parts.join(", ");
}

const MONEY = new Set(["equity", "deposits", "fees", "dividends", "expectancy", "trade_best", "trade_worst", "realised", "unrealised", "interest", "borrow"]);
const SHARES =
  /^(.*_return|.*_drawdown|cagr|volatility|exposure|in_market|.*_rate|positive_days|alpha|tracking_error|(best|worst)_day)$/;

/** Shares that may be above or below nothing. */
const SIGNED = /^(.*_return|cagr|alpha|(best|worst)_day)$/;

const NAMES: Readonly<Record<string, string>> = {
  cagr: "growth a year (CAGR)",
  sharpe: "Sharpe ratio",
  sortino: "Sortino ratio",
  calmar: "Calmar ratio",
  in_market: "time in the market",
  payoff: "mean gain over mean loss",
  steps: "bars of the clock",
  days: "days in the window",
  trades: "finished trades",
  trades_kept: "trades listed",
  trade_best: "best trade",
  trade_worst: "worst trade",
  max_drawdown: "deepest drawdown",
  drawdown_days: "longest below a peak, days",
  kurtosis: "kurtosis (3 is normal)",
  positive_days: "days with a gain",
  expectancy: "expectancy, a trade",
  deposits: "deposited",
  exposure: "exposure, gross",
  net_exposure: "exposure, net",
  alpha: "alpha a year",
  volatility: "volatility a year",
  tracking_error: "tracking error a year",
  turnover: "turnover a year",
};

/** A figure's name for people. */
export function metricName(name: string): string {
  return NAMES[name] ?? words(name);
}

/** One figure in the words of its kind. */
export function metricText(name: string, value: Value | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  if (MONEY.has(name)) return money(String(value));
  const number = Number(value);
  if (typeof value === "boolean" || !Number.isFinite(number)) return String(value);
  if (SHARES.test(name)) return percent(number.toFixed(6), SIGNED.test(name));
  if (name.endsWith("_days")) return Math.round(number).toLocaleString("en-US");
  return Number.isInteger(number) ? number.toLocaleString("en-US") : number.toFixed(3);
}

/** The checks that spoke against it, the worst first. */
export function reasons(checks: readonly Check[]): readonly Check[] {
  const of = (outcome: Check["outcome"]) => checks.filter((check) => check.outcome === outcome);
  return [...of("rejected"), ...of("watch")];
}

const ASKED: Readonly<Record<string, string>> = {
  data: "on",
  symbols: "instruments",
  fee_bps: "commission, bps",
  fee_per_share: "commission a share, $",
  fee_minimum: "least commission, $",
  slippage_bps: "half spread, bps",
  participation: "share of volume",
  impact: "slippage by size",
  latency_ms: "latency, ms",
  account: "account",
};

/** A part of what was asked, in words. */
function asked(name: string, item: Compared): string {
  const { backtest } = item;
  const value = item.differs[name];
  if (name === "parameters") return parameterWords(backtest.parameters);
  if (name === "cash") return `cash ${money(backtest.cash)}`;
  if (name === "start") return `from ${backtest.start === null ? "the first bar" : backtest.start.slice(0, 10)}`;
  if (name === "end") return `to ${backtest.end === null ? "the last bar" : backtest.end.slice(0, 10)}`;
  return `${ASKED[name] ?? words(name)} ${told(value)}`;
}

function told(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (Array.isArray(value)) return value.length === 0 ? "all" : value.join(", ");
  if (typeof value === "object") return Object.values(value)
      .filter((part) => part !== null)
      .join(" ").replaceAll("_", " ");
  return String(value);
}

/** What sets a backtest apart from those beside it. */
export function differences(item: Compared): string {
  const parts = Object.keys(item.differs)
    .filter((name) => name !== "strategy")
    .map((name) => asked(name, item));
  return parts.length === 0 ? "the same" : parts.join("; ");
}

export interface Point {
  time: number;
  value: number;
}

/** Columns as points for a chart: seconds, ascending, one for each. */
export function points(times: readonly string[], values: readonly number[]): Point[] {
  const found: Point[] = [];
  times.forEach((text, index) => {
    const time = Math.floor(Date.parse(text) / 1000);
    const value = values[index];
    const before = found.at(-1);
    if (value === undefined || Number.isNaN(time)) return;
    if (before !== undefined && before.time >= time) found.pop();
    found.push({ time, value });
  });
  return found;
}
