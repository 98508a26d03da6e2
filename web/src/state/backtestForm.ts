/** The form for a backtest: what is typed, what is wrong with it, and the request it makes. Pure. */

import type { BacktestRequest, ParameterRange, Strategy, Value } from "../api/types";
import { isDecimal, signOf } from "./decimal";

export interface BacktestDraft {
  strategy: string;
  /** As typed, by name. */
  parameters: Readonly<Record<string, string>>;
  data: string;
  symbols: string;
  start: string;
  end: string;
  cash: string;
}

export type BacktestErrors = Readonly<Record<string, string>>;

export function draftFor(strategy: Strategy | undefined, known?: BacktestDraft): BacktestDraft {
  const parameters = Object.fromEntries(
    (strategy?.parameters ?? []).map((one) => [one.name, one.preset === null ? "" : String(one.preset)]),
  );
  const rest = known ?? { data: "demo", symbols: "", start: "", end: "", cash: "100000" };
  return { ...rest, strategy: strategy?.name ?? "", parameters };
}

/** What a parameter takes, in words. */
export function rangeWords(range: ParameterRange): string {
  if (range.least !== null && range.most !== null) return `${range.least} to ${range.most}`;
  if (range.least !== null) return `${range.least} or more`;
  return range.most === null ? "" : `up to ${range.most}`;
}

const WHOLE = /^-?\d{1,15}$/;

function wrongWith(range: ParameterRange, text: string): string | undefined {
  if (range.kind === "choice" || range.kind === "flag") return undefined;
  const whole = range.kind === "whole";
  if (whole ? !WHOLE.test(text) : !isDecimal(text)) return whole ? "a whole number" : "a number";
  const value = Number(text);
  const below = range.least !== null && value < Number(range.least);
  const above = range.most !== null && value > Number(range.most);
  return below || above ? rangeWords(range) : undefined;
}

export function symbolsOf(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .filter((symbol) => symbol !== "")
    .map((symbol) => symbol.toUpperCase());
}

/** By the field's name in the request, as the server names it too. */
export function backtestErrors(draft: BacktestDraft, strategy: Strategy): BacktestErrors {
  const errors: Record<string, string> = {};
  for (const range of strategy.parameters) {
    const wrong = wrongWith(range, draft.parameters[range.name] ?? "");
    if (wrong !== undefined) errors[`parameters.${range.name}`] = `Give ${wrong}.`;
  }
  if (!isDecimal(draft.cash) || signOf(draft.cash) <= 0) errors["cash"] = "Give an amount above 0.";
  if (draft.start !== "" && draft.end !== "" && draft.end < draft.start) errors["end"] = "Give a day after the first.";
  return errors;
}

function valueOf(range: ParameterRange, text: string): Value {
  if (range.kind === "whole") return Number(text);
  if (range.kind === "flag") return text === "true";
  if (range.kind === "choice") return range.choices.find((choice) => String(choice) === text) ?? text;
  return text;
}

export function backtestRequest(draft: BacktestDraft, strategy: Strategy): BacktestRequest {
  const parameters = Object.fromEntries(
    strategy.parameters
      .filter((range) => (draft.parameters[range.name] ?? "") !== "")
      .map((range) => [range.name, valueOf(range, draft.parameters[range.name] ?? "")]),
  );
  return {
    strategy: strategy.name,
    parameters,
    data: draft.data,
    symbols: symbolsOf(draft.symbols),
    cash: draft.cash,
    ...(draft.start === "" ? {} : { start: draft.start }),
    ...(draft.end === "" ? {} : { end: `${draft.end}T23:59:59Z` }),
  };
}
