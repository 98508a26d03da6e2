/** What people type as a rule, and how rules, routes and waiting limits read. Pure. */

import type { Route, Routes, Routing, Rule, RuleTerms, Severity, WaitingLimits } from "../api/alertTypes";
import { NOTHING, words } from "./format";

export const SEVERITIES: readonly Severity[] = ["info", "warning", "critical"];
export const METRICS = [
  "price",
  "change",
  "volume",
  "equity",
  "drawdown",
  "day_pnl",
  "weight",
  "var",
  "limit",
  "sentiment",
  "system",
] as const;
export type Metric = (typeof METRICS)[number];

const OF_SYMBOL: readonly string[] = ["price", "change", "volume", "sentiment"];

/** Whether a metric needs a symbol; of weight it may be left out. */
export function needsSymbol(metric: string): boolean {
  return OF_SYMBOL.includes(metric);
}

export interface RuleForm {
  name: string;
  metric: Metric;
  symbol: string;
  direction: "above" | "below";
  threshold: string;
  rearm: string;
  severity: Severity;
  coolDown: string;
}

export const EMPTY_RULE: RuleForm = {
  name: "",
  metric: "price",
  symbol: "",
  direction: "above",
  threshold: "",
  rearm: "",
  severity: "warning",
  coolDown: "0",
};

/** Text of a decimal as the server takes it; null where it is none. */
function decimal(text: string): string | null {
  return /^-?\d+(\.\d+)?$/.test(text.trim()) ? text.trim() : null;
}

/** A typed rule as the request, or what is wrong with it, by field. */
export function termsOf(form: RuleForm): { terms: RuleTerms | null; faults: Partial<Record<keyof RuleForm, string>> } {
  const faults: Partial<Record<keyof RuleForm, string>> = {};
  const symbol = form.symbol.trim().toUpperCase();
  if (form.name.trim() === "") faults.name = "a name";
  if (decimal(form.threshold) === null) faults.threshold = "a number, such as 27 or 0.1";
  if (form.rearm.trim() !== "" && decimal(form.rearm) === null) faults.rearm = "a number, or nothing";
  if (needsSymbol(form.metric) && symbol === "") faults.symbol = "a symbol, such as MSFT";
  if (!/^\d{1,8}$/.test(form.coolDown.trim())) faults.coolDown = "whole seconds, 0 or more";
  if (Object.keys(faults).length > 0) return { terms: null, faults };
  const terms: RuleTerms = {
    name: form.name.trim(),
    metric: form.metric,
    direction: form.direction,
    threshold: form.threshold.trim(),
    cool_down_s: Number(form.coolDown),
    severity: form.severity,
    enabled: true,
  };
  if (form.rearm.trim() !== "") terms.rearm = form.rearm.trim();
  if (needsSymbol(form.metric) || (form.metric === "weight" && symbol !== "")) terms.symbol = symbol;
  return { terms, faults };
}

/** A rule as the form that changes it. */
export function formOf(rule: Rule): RuleForm {
  return {
    name: rule.name,
    metric: METRICS.find((metric) => metric === rule.metric) ?? "price",
    symbol: rule.symbol ?? "",
    direction: rule.direction,
    threshold: rule.threshold,
    rearm: rule.rearm === rule.threshold ? "" : rule.rearm,
    severity: rule.severity,
    coolDown: String(rule.cool_down_s),
  };
}

/** The whole rule for a request that replaces it; what the page does not ask for stays as it was. */
export function replaced(rule: Rule, changes: Partial<RuleTerms>): RuleTerms {
  const terms: RuleTerms = {
    name: rule.name,
    metric: rule.metric,
    direction: rule.direction,
    threshold: rule.threshold,
    cool_down_s: rule.cool_down_s,
    severity: rule.severity,
    enabled: rule.enabled,
    ...changes,
  };
  if (changes.threshold === undefined && changes.rearm === undefined) terms.rearm = rule.rearm;
  const metric = changes.metric ?? rule.metric;
  if (metric !== rule.metric) return terms;
  if (rule.symbol !== null && changes.symbol === undefined) terms.symbol = rule.symbol;
  if (rule.account_id !== null) terms.account_id = rule.account_id;
  if (rule.bars !== null) terms.bars = rule.bars;
  if (rule.level !== null) terms.level = rule.level;
  if (rule.part !== null) terms.part = rule.part;
  return terms;
}

/** "price of MSFT at or above 27, over at 26.5". */
export function sentenceOf(rule: Rule): string {
  const of = rule.symbol ?? rule.part;
  const over = rule.rearm === rule.threshold ? "" : `, over ${rule.direction === "above" ? "below" : "above"} ${rule.rearm}`;
  return `${words(rule.metric)}${of === null ? "" : ` of ${of}`} at or ${rule.direction} ${rule.threshold}${over}`;
}

/** off, what is in the way, raised or armed. */
export function standingOf(rule: Rule): string {
  if (!rule.enabled) return "off";
  return rule.trouble ?? (rule.open_alert === null ? "armed" : "raised");
}

/** All routes with that of one severity changed. */
export function rerouted(routing: Routing, severity: Severity, change: Partial<Route>): Routes {
  const { info, warning, critical } = routing;
  const routes: Routes = { info, warning, critical };
  return { ...routes, [severity]: { ...routes[severity], ...change } };
}

function limitOf(value: unknown): string {
  if (value === null || value === undefined) return NOTHING;
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** What would bind less: "order qty: 5 to 50". */
export function looserOf(waiting: WaitingLimits): string[] {
  const found = waiting.loosened.map(
    (name) => `${words(name)}: ${limitOf(waiting.before[name])} to ${limitOf(waiting.limits[name])}`,
  );
  return waiting.lift ? [...found, "a second person is to be needed no longer"] : found;
}
