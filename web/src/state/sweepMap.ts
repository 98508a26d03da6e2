/** The results of a sweep as a table in any order, and as a map over two parameters. Pure. */

import type { SweepSet, Value } from "../api/types";

export const FIGURES = ["sharpe", "total_return", "cagr", "max_drawdown", "trades", "turnover", "exposure", "costs"] as const;
export type FigureName = (typeof FIGURES)[number];

export interface Order {
  /** A figure, "number", or "parameter.NAME". */
  by: string;
  descending: boolean;
}

function keyOf(set: SweepSet, by: string): number | string | null {
  if (by === "number") return set.number;
  const value = by.startsWith("parameter.") ? (set.parameters[by.slice(10)] ?? null) : set[by as FigureName];
  if (value === null) return null;
  const number = Number(value);
  return typeof value === "boolean" || Number.isNaN(number) ? String(value) : number;
}

function compared(a: number | string, b: number | string): number {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

/** Sets without the figure come last either way. */
export function ordered(sets: readonly SweepSet[], { by, descending }: Order): SweepSet[] {
  return [...sets].sort((one, other) => {
    const [a, b] = [keyOf(one, by), keyOf(other, by)];
    if (a === null || b === null) return a === b ? one.number - other.number : a === null ? 1 : -1;
    return (descending ? compared(b, a) : compared(a, b)) || one.number - other.number;
  });
}

export interface MapCell {
  value: number | null;
  /** From -1 to 1: the side of nothing and how strong, beside the largest. */
  strength: number;
}

export interface ParameterMap {
  columns: Value[];
  /** Null where there is one parameter alone. */
  rows: (Value | null)[];
  cells: MapCell[][];
}

function axisOf(sets: readonly SweepSet[], name: string): Value[] {
  const found = new Map<string, Value>();
  for (const set of sets) {
    const value = set.parameters[name];
    if (value !== undefined) found.set(String(value), value);
  }
  const values = [...found.values()];
  const numbers = values.every((value) => typeof value !== "boolean" && !Number.isNaN(Number(value)));
  return values.sort((a, b) => (numbers ? Number(a) - Number(b) : String(a).localeCompare(String(b))));
}

/** The mean of a figure for each pair of values, over all other parameters; null where no set has it. */
export function mapOf(sets: readonly SweepSet[], across: string, up: string | null, figure: FigureName): ParameterMap {
  const columns = axisOf(sets, across);
  const rows = up === null ? [null] : axisOf(sets, up);
  const sums = new Map<string, { sum: number; count: number }>();
  const key = (row: Value | null, column: Value): string => JSON.stringify([row === null ? null : String(row), String(column)]);
  for (const set of sets) {
    const value = keyOf(set, figure);
    const column = set.parameters[across];
    if (typeof value !== "number" || column === undefined) continue;
    const at = key(up === null ? null : (set.parameters[up] ?? null), column);
    const known = sums.get(at) ?? { sum: 0, count: 0 };
    sums.set(at, { sum: known.sum + value, count: known.count + 1 });
  }
  const values = rows.map((row) =>
    columns.map((column) => {
      const found = sums.get(key(row, column));
      return found === undefined ? null : found.sum / found.count;
    }),
  );
  const most = Math.max(...values.flat().map((value) => Math.abs(value ?? 0))) || 1;
  return { columns, rows, cells: values.map((row) => row.map((value) => ({ value, strength: (value ?? 0) / most }))) };
}
