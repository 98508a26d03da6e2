/** The form for a sweep: the values of each parameter as typed, what is wrong with them, the request. Pure. */

import type { ParameterRange, Strategy, Sweep, SweepRequest, SweepSet, BacktestRequest, Value } from "../api/types";
import { backtestErrors, backtestRequest, draftFor, rangeWords, type BacktestDraft, type BacktestErrors } from "./backtestForm";
import { isDecimal, trimZeros } from "./decimal";

/** As the server has it. */
export const COMBINATIONS_MAX = 2000;
const VALUES_MAX = 500;

const STEPS = /^([^:]+):([^:]+):([^:]+)$/;

const placesOf = (text: string): number => text.split(".")[1]?.length ?? 0;

/** "5:20:5" as 5, 10, 15, 20, exactly; null where it is no such thing or too long. */
function stepped(text: string): string[] | null {
  const parts = STEPS.exec(text)?.slice(1).map((part) => part.trim());
  if (parts === undefined || !parts.every(isDecimal)) return null;
  const places = Math.max(...parts.map(placesOf));
  const [first, last, step] = parts.map((part) => BigInt(part.replace(".", "") + "0".repeat(places - placesOf(part))));
  if (first === undefined || last === undefined || step === undefined) return null;
  if (step <= 0n || last < first || (last - first) / step >= BigInt(VALUES_MAX)) return null;
  const found: string[] = [];
  for (let units = first; units <= last; units += step) {
    const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
    const whole = digits.slice(0, digits.length - places);
    const text = places === 0 ? whole : trimZeros(`${whole}.${digits.slice(digits.length - places)}`);
    found.push(`${units < 0n ? "-" : ""}${text}`);
  }
  return found;
}

/** The values that are typed, as texts: "5, 10" or "5:50:5". */
export function valuesOf(text: string): string[] {
  if (text.includes(":")) return stepped(text) ?? [text];
  return text.split(/[\s,]+/).filter((one) => one !== "");
}

/** What a parameter takes and how to write several. */
export function valuesHint(range: ParameterRange): string {
  if (range.kind === "flag") return "true, false";
  if (range.kind === "choice") return range.choices.join(", ");
  return rangeWords(range);
}

function valueOf(range: ParameterRange, text: string): Value {
  if (range.kind === "whole") return Number(text);
  if (range.kind === "flag") return text === "true";
  return text;
}

function wrongValue(range: ParameterRange, text: string): boolean {
  if (range.kind === "flag") return text !== "true" && text !== "false";
  if (range.kind === "choice") return !range.choices.some((choice) => String(choice) === text);
  if (range.kind === "whole" ? !/^-?\d{1,15}$/.test(text) : !isDecimal(text)) return true;
  const value = Number(text);
  return (range.least !== null && value < Number(range.least)) || (range.most !== null && value > Number(range.most));
}

/** The parameters of the draft hold the values as typed. */
export function combinations(draft: BacktestDraft, strategy: Strategy): number {
  return strategy.parameters.reduce(
    (product, range) => product * Math.max(valuesOf(draft.parameters[range.name] ?? "").length, 1),
    1,
  );
}

export function sweepErrors(draft: BacktestDraft, strategy: Strategy): BacktestErrors {
  // What is asked besides the parameters is asked as of a backtest.
  const errors: Record<string, string> = { ...backtestErrors(draft, { ...strategy, parameters: [] }) };
  for (const range of strategy.parameters) {
    const values = valuesOf(draft.parameters[range.name] ?? "");
    const alike = new Set(values.map((text) => String(isDecimal(text) ? Number(text) : text))).size < values.length;
    if (values.length > VALUES_MAX) errors[`grid.${range.name}`] = `Give at most ${VALUES_MAX} values.`;
    else if (alike) errors[`grid.${range.name}`] = "Give each value once.";
    else if (values.some((text) => wrongValue(range, text)))
      errors[`grid.${range.name}`] = `Give values from ${valuesHint(range)}.`;
  }
  const size = combinations(draft, strategy);
  if (size < 2) errors["grid"] = "Give two values or more of a parameter.";
  if (size > COMBINATIONS_MAX) errors["grid"] = `At most ${COMBINATIONS_MAX.toLocaleString("en-US")} combinations.`;
  return errors;
}

/** A parameter with one value is the same in all sets; without any it has its usual value. */
export function sweepRequest(draft: BacktestDraft, strategy: Strategy): SweepRequest {
  const grid: Record<string, Value[]> = {};
  const parameters: Record<string, Value> = {};
  for (const range of strategy.parameters) {
    const values = valuesOf(draft.parameters[range.name] ?? "").map((text) => valueOf(range, text));
    const [only] = values;
    if (values.length > 1) grid[range.name] = values;
    else if (only !== undefined) parameters[range.name] = only;
  }
  return { ...backtestRequest(draft, { ...strategy, parameters: [] }), parameters, grid };
}

/** Usual values, with a few around them for the first two numbers, so that the first sweep is a map. */
export function sweepDraft(strategy: Strategy | undefined, known?: BacktestDraft): BacktestDraft {
  const draft = draftFor(strategy, known);
  const numbers = (strategy?.parameters ?? []).filter((one) => one.kind === "whole" && Number(one.preset) > 1).slice(0, 2);
  const around = Object.fromEntries(numbers.map((range) => [range.name, nearby(range).join(", ")]));
  return { ...draft, parameters: { ...draft.parameters, ...around } };
}

function nearby(range: ParameterRange): number[] {
  const usual = Number(range.preset);
  const within = (value: number) =>
    (range.least === null || value >= Number(range.least)) && (range.most === null || value <= Number(range.most));
  const found = [0.5, 0.75, 1, 1.5, 2].map((part) => Math.round(usual * part)).filter(within);
  return [...new Set(found)];
}

/** The backtest of one set: all else as in the sweep. */
export function backtestOf(sweep: Sweep, set: SweepSet): BacktestRequest {
  const { strategy, data, symbols, start, end, cash, account, impact } = sweep;
  const costs = Object.fromEntries(
    (["fee_bps", "fee_per_share", "fee_minimum", "slippage_bps", "participation", "latency_ms"] as const)
      .map((name) => [name, sweep[name]] as const)
      .filter(([, value]) => value !== null && value !== undefined),
  );
  const sizing = Object.fromEntries(Object.entries(impact ?? {}).filter(([, value]) => value !== null));
  return {
    strategy,
    data,
    symbols,
    cash,
    account,
    parameters: set.parameters,
    ...costs,
    ...(impact ? { impact: sizing as unknown as NonNullable<BacktestRequest["impact"]> } : {}),
    ...(start === null ? {} : { start }),
    ...(end === null ? {} : { end }),
  };
}
