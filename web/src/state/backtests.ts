/** The list of backtests as the page shows it: what was fetched, with what was told live since. Pure. */

import type { Backtest, BacktestNews, BacktestStatus, Value } from "../api/types";
import { money, NOTHING, percent, words } from "./format";

const ORDER: readonly BacktestStatus[] = ["queued", "running", "done", "failed", "cancelled"];

export function isLive(status: BacktestStatus): boolean {
  return status === "queued" || status === "running";
}

/** The list with the news in it; an older word (it never goes back from an end) is ignored. */
export function withNews(
  list: readonly Backtest[],
  news: Readonly<Record<string, BacktestNews>>,
): readonly Backtest[] {
  return list.map((one) => {
    const told = news[one.id];
    if (told === undefined || !isLive(one.status)) return one;
    return { ...one, status: told.status, progress: told.progress };
  });
}

/** Whether the list has to be fetched again: something new was told, or an end whose figures are not here. */
export function isStale(list: readonly Backtest[], news: Readonly<Record<string, BacktestNews>>): boolean {
  const known = new Map(list.map((one) => [one.id, one]));
  return Object.values(news).some((told) => {
    const one = known.get(told.id);
    return one === undefined ? isLive(told.status) : isLive(one.status) && !isLive(told.status);
  });
}

export function statusWords(backtest: Backtest): string {
  if (backtest.status === "running") return `running, ${Math.floor(backtest.progress * 100)}%`;
  return ORDER.includes(backtest.status) ? backtest.status : words(backtest.status);
}

/** "fast 20, slow 50" */
export function parameterWords(parameters: Backtest["parameters"]): string {
  const parts = Object.entries(parameters).map(([name, value]) => `${words(name)} ${String(value)}`);
  return parts.length === 0 ? "usual values" : parts.join(", ");
}

const MONEY = new Set(["equity", "deposits", "fees", "dividends", "expectancy"]);
const SHARES =
  /^(.*_return|.*_drawdown|cagr|volatility|exposure|in_market|.*_rate|positive_days|alpha|tracking_error|(best|worst)_day)$/;

/** Shares that may be above or below nothing. */
const SIGNED = /^(.*_return|cagr|alpha|(best|worst)_day)$/;

/** One figure in the words of its kind. */
export function metricText(name: string, value: Value | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  if (MONEY.has(name)) return money(String(value));
  const number = Number(value);
  if (typeof value === "boolean" || !Number.isFinite(number)) return String(value);
  if (SHARES.test(name)) return percent(number.toFixed(6), SIGNED.test(name));
  return Number.isInteger(number) ? number.toLocaleString("en-US") : number.toFixed(3);
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
