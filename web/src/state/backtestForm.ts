/** The form for a backtest: what is typed, what is wrong with it, and the request it makes. Pure. */

import type { BacktestRequest, Costs, DataSet, Impact, ParameterRange, Strategy, Value } from "../api/types";
import { isDecimal, signOf } from "./decimal";

/** What trading costs, as typed; empty is as for paper. */
export type CostName =
  | "fee_bps"
  | "fee_per_share"
  | "fee_minimum"
  | "slippage_bps"
  | "participation"
  | "latency_ms"
  | "price_impact"
  | "limit"
  | "volatility"
  | "coefficient";

export type ImpactChoice = "none" | Impact["model"];

export interface CostField {
  name: CostName;
  label: string;
  most: number;
  /** What is meant where nothing is typed. */
  empty?: string;
  /** Only with this model of impact. */
  model?: ImpactChoice;
}

const PAPER = "as for paper";

export const COSTS: readonly CostField[] = [
  { name: "fee_bps", label: "Commission, bps", most: 1000, empty: PAPER },
  { name: "fee_per_share", label: "Per share, $", most: 100, empty: "none" },
  { name: "fee_minimum", label: "Minimum an order, $", most: 10_000, empty: "none" },
  { name: "slippage_bps", label: "Half spread, bps", most: 1000, empty: PAPER },
  { name: "participation", label: "Share of volume", most: 1, empty: PAPER },
  { name: "latency_ms", label: "Latency, ms", most: 86_400_000, empty: "none" },
  { name: "price_impact", label: "Price impact", most: 1, model: "volume_share" },
  { name: "limit", label: "Largest share", most: 1, model: "volume_share" },
  { name: "volatility", label: "Volatility of a bar", most: 1, model: "square_root" },
  { name: "coefficient", label: "Coefficient", most: 10, model: "square_root" },
];

const USUAL: Readonly<Partial<Record<CostName, string>>> = {
  price_impact: "0.1",
  limit: "0.025",
  volatility: "0.02",
  coefficient: "1",
};

export function costFields(model: ImpactChoice): readonly CostField[] {
  return COSTS.filter((one) => one.model === undefined || one.model === model);
}

export interface BacktestDraft {
  strategy: string;
  /** As typed, by name. */
  parameters: Readonly<Record<string, string>>;
  data: string;
  symbols: string;
  start: string;
  end: string;
  cash: string;
  costs: Readonly<Partial<Record<CostName, string>>>;
  impact: ImpactChoice;
}

export type BacktestErrors = Readonly<Record<string, string>>;

export function draftFor(strategy: Strategy | undefined, known?: BacktestDraft): BacktestDraft {
  const parameters = Object.fromEntries(
    (strategy?.parameters ?? []).map((one) => [one.name, one.preset === null ? "" : String(one.preset)]),
  );
  const rest = known ?? { data: "demo", symbols: "", start: "", end: "", cash: "100000", costs: USUAL, impact: "none" as const };
  return { ...rest, strategy: strategy?.name ?? "", parameters };
}

/** What a parameter takes, in words. */
export function rangeWords(range: ParameterRange): string {
  if (range.least !== null && range.most !== null) return `${range.least} to ${range.most}`;
  if (range.least !== null) return `${range.least} or more`;
  return range.most === null ? "" : `up to ${range.most}`;
}

/** "5 instruments, 1d bars, 2000-03-01 to 2013-03-01" */
export function dataWords(data: DataSet): string {
  const count = `${data.symbols.length} instrument${data.symbols.length === 1 ? "" : "s"}`;
  const bad = data.quarantined === 0 ? "" : `, ${data.quarantined.toLocaleString("en-US")} bad rows left out`;
  return `${count}, ${data.time_frames[0] ?? ""} bars, ${data.first} to ${data.last}${bad}`;
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

function wrongCost(name: CostName, text: string, most: number): string | undefined {
  const optional = USUAL[name] === undefined;
  if (text === "" && optional) return undefined;
  if (name === "latency_ms" && !WHOLE.test(text)) return "a whole number";
  const above = name === "participation" || name === "limit";
  const value = isDecimal(text) ? Number(text) : Number.NaN;
  return value >= 0 && value <= most && !(above && value === 0) ? undefined : `a number ${above ? "above" : "from"} 0 to ${most}`;
}

function costsOf(draft: BacktestDraft): Costs {
  const costs: Record<string, unknown> = {};
  const impact: Record<string, string> = {};
  for (const { name, model } of costFields(draft.impact)) {
    const text = draft.costs[name] ?? "";
    if (text === "") continue;
    if (model !== undefined) impact[name] = text;
    else costs[name] = name === "latency_ms" ? Number(text) : text;
  }
  return draft.impact === "none" ? costs : { ...costs, impact: { model: draft.impact, ...impact } };
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
  for (const { name, most } of costFields(draft.impact)) {
    const wrong = wrongCost(name, draft.costs[name] ?? "", most);
    if (wrong !== undefined) errors[name] = `Give ${wrong}.`;
  }
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
    ...costsOf(draft),
    ...(draft.start === "" ? {} : { start: draft.start }),
    ...(draft.end === "" ? {} : { end: `${draft.end}T23:59:59Z` }),
  };
}
