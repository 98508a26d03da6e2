/** Points on a time axis: where the contract's strings become the floats a chart draws. Nothing here is money again. */

import type { Bar, EquityPoint, Quote } from "../api/types";
import type { Fill } from "../state/terminal";
import { add } from "../state/decimal";
import { quantity } from "../state/format";

const DAY_SECONDS = 86_400;

export interface Point {
  /** Seconds since the epoch, UTC. */
  time: number;
}

export interface Candle extends Point {
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

export interface EquityValue extends Point {
  value: number;
}

export function chartTime(timestamp: string): number {
  return Math.floor(Date.parse(timestamp) / 1000);
}

export function candle(bar: Bar | (Quote & { time: string })): Candle {
  return {
    time: chartTime(bar.time),
    open: Number(bar.open),
    high: Number(bar.high),
    low: Number(bar.low),
    close: Number(bar.close),
    volume: Number(bar.volume),
  };
}

export function equityValue(point: Pick<EquityPoint, "time" | "equity">): EquityValue {
  return { time: chartTime(point.time), value: Number(point.equity) };
}

/** Both lists in time order; where both have a time, `fresh` wins. */
export function mergeByTime<P extends Point>(known: readonly P[], fresh: readonly P[]): P[] {
  const byTime = new Map<number, P>();
  for (const point of known) byTime.set(point.time, point);
  for (const point of fresh) byTime.set(point.time, point);
  return [...byTime.values()].sort((a, b) => a.time - b.time);
}

/** Weekdays after the day of `from` up to and with the day of `to`. More than one between two daily points is a gap. */
export function weekdaysBetween(from: number, to: number): number {
  const first = Math.floor(from / DAY_SECONDS) + 1;
  const last = Math.floor(to / DAY_SECONDS);
  const days = last - first + 1;
  if (days <= 0) return 0;
  let weekdays = Math.floor(days / 7) * 5;
  for (let day = last - (days % 7) + 1; day <= last; day += 1) {
    // The epoch was a Thursday: (day + 4) % 7 is 0 on a Sunday and 6 on a Saturday.
    const weekday = (day + 4) % 7;
    if (weekday !== 0 && weekday !== 6) weekdays += 1;
  }
  return weekdays;
}

export interface FillMark extends Point {
  side: "buy" | "sell";
  label: string;
}

/** The first point at or after `time`: the bar in which something at `time` happened. */
export function barOf(times: readonly number[], time: number): number | undefined {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return times[low];
}

/** One mark a bar and side, with the quantities added up. Fills outside of the bars are left out. */
export function fillMarks(fills: readonly Fill[], times: readonly number[]): FillMark[] {
  const first = times[0];
  if (first === undefined) return [];
  const totals = new Map<string, { time: number; side: "buy" | "sell"; qty: string }>();
  for (const fill of fills) {
    const happened = chartTime(fill.time);
    const time = barOf(times, happened);
    if (time === undefined || happened < first - DAY_SECONDS) continue;
    const key = `${time} ${fill.side}`;
    const known = totals.get(key);
    totals.set(key, { time, side: fill.side, qty: known === undefined ? fill.qty : add(known.qty, fill.qty) });
  }
  return [...totals.values()]
    .sort((a, b) => a.time - b.time)
    .map(({ time, side, qty }) => ({ time, side, label: quantity(qty) }));
}
