/** What people type to be rebalanced, and how a proposal reads. Pure. */

import type { Frontier, FrontierPoint, Lots, ModelName, Plan, ProposalBrief, Target } from "../api/rebalancingTypes";
import { isDecimal, multiply, signOf, trimZeros } from "./decimal";
import { percent, words } from "./format";

export const LOTS: readonly Lots[] = ["account", "fifo", "lifo", "highest_cost", "least_tax"];
export const LOT_WORDS: Record<Lots, string> = {
  account: "as the account does",
  fifo: "oldest first",
  lifo: "newest first",
  highest_cost: "dearest first",
  least_tax: "least tax first",
};

/** Percentages as they were typed; `by` is "weights" or a model. */
export interface RebalanceForm {
  by: ModelName | "weights";
  weights: string;
  symbols: string;
  sectors: string;
  maxWeight: string;
  turnover: string;
  cashBuffer: string;
  band: string;
  minTrade: string;
  taxShort: string;
  taxLong: string;
  lots: Lots;
  wholeShares: boolean;
  noWashSale: boolean;
  sellOthers: boolean;
}

export const EMPTY_REBALANCE: RebalanceForm = {
  by: "equal",
  weights: "",
  symbols: "",
  sectors: "",
  maxWeight: "",
  turnover: "",
  cashBuffer: "2",
  band: "",
  minTrade: "",
  taxShort: "",
  taxLong: "",
  lots: "account",
  wholeShares: true,
  noWashSale: false,
  sellOthers: false,
};

export type Faults = Partial<Record<keyof RebalanceForm, string>>;

const SHARES = ["maxWeight", "turnover", "cashBuffer", "band", "taxShort", "taxLong"] as const;
const NAMES = {
  weights: "weights",
  symbols: "symbols",
  sectors: "sectors",
  maxWeight: "max_weight",
  turnover: "turnover",
  cashBuffer: "cash_buffer",
  band: "band",
  minTrade: "min_trade",
  taxShort: "tax_short",
  taxLong: "tax_long",
} as const;

/** "30" percent as "0.3"; null where it is no percentage from 0 to 100. */
export function fractionOf(text: string): string | null {
  if (!isDecimal(text) || signOf(text) < 0 || Number(text) > 100) return null;
  return trimZeros(multiply(text, "0.01"));
}

/** "AAPL 30, MSFT 25.5" as shares by name; a name may have spaces. */
export function sharesOf(text: string): { shares: Record<string, string>; fault: string | null } {
  const shares: Record<string, string> = {};
  for (const part of text.split(",").map((one) => one.trim()).filter((one) => one !== "")) {
    const found = /^(.*\S)\s+(\S+?)%?$/.exec(part);
    const share = fractionOf(found?.[2] ?? "");
    if (share === null) return { shares, fault: `"${part}" is no name with a percentage, such as MSFT 30.` };
    shares[found?.[1] ?? ""] = share;
  }
  return { shares, fault: null };
}

/** What was typed as the question to the server, or what is wrong by field. */
export function targetOf(form: RebalanceForm): { target: Target | null; faults: Faults } {
  const faults: Faults = {};
  const target: Target = {
    whole_shares: form.wholeShares,
    lots: form.lots,
    no_wash_sale: form.noWashSale,
    others: form.sellOthers ? "sell" : "keep",
  };
  if (form.by === "weights") {
    const { shares, fault } = sharesOf(form.weights.toUpperCase());
    if (fault !== null) faults.weights = fault;
    else if (Object.keys(shares).length === 0) faults.weights = "symbols with their weights in percent, such as AAPL 30, MSFT 25";
    target.weights = shares;
  } else {
    target.model = form.by;
    const symbols = form.symbols.toUpperCase().split(/[\s,]+/).filter((one) => one !== "");
    if (symbols.length > 0) target.symbols = symbols;
  }
  const sectors = sharesOf(form.sectors);
  if (sectors.fault !== null) faults.sectors = sectors.fault;
  const highs = Object.entries(sectors.shares).map(([name, high]) => [name, { high }] as const);
  if (highs.length > 0) target.sectors = Object.fromEntries(highs);
  for (const field of SHARES) {
    if (form[field] === "") continue;
    const share = fractionOf(form[field]);
    if (share === null) faults[field] = "a percentage from 0 to 100";
    else target[NAMES[field]] = share;
  }
  if (form.minTrade !== "") {
    if (isDecimal(form.minTrade) && signOf(form.minTrade) >= 0) target.min_trade = form.minTrade;
    else faults.minTrade = "an amount from 0";
  }
  return { target: Object.keys(faults).length === 0 ? target : null, faults };
}

/** The server's words by the form's fields; what belongs to none of them is left out. */
export function faultsOf(fields: readonly { field: string; expected: string }[]): Faults {
  const faults: Faults = {};
  for (const { field, expected } of fields) {
    const own = (Object.keys(NAMES) as (keyof typeof NAMES)[]).find((name) => field === NAMES[name] || field.startsWith(`${NAMES[name]}.`));
    if (own !== undefined) faults[own] = expected;
  }
  return faults;
}

export function isUnderWay(proposal: ProposalBrief): boolean {
  return proposal.status === "selling" || proposal.status === "buying";
}

/** Where a proposal stands, in a sentence. */
export function standingOf(proposal: ProposalBrief): string {
  switch (proposal.status) {
    case "proposed":
      return "It waits for your approval; nothing is traded before.";
    case "selling":
      return "The sales are placed; the buys follow once these are through.";
    case "buying":
      return "The buys are placed.";
    case "done":
      return proposal.why === null ? "All of it is traded." : `None of its orders is open any more; ${proposal.why}.`;
    default:
      return proposal.why === null ? `It was ${proposal.status}.` : `It was ${proposal.status}: ${proposal.why}.`;
  }
}

/** What a plan does and when, in a sentence. */
export function planSentence(plan: Plan): string {
  const target = plan.wanted.model === null ? "weights" : words(plan.wanted.model);
  const when = [
    ...(plan.every === null ? [] : [`at the start of each ${plan.every}`]),
    ...(plan.drift === null ? [] : [`where a weight is off by more than ${percent(plan.drift)}`]),
  ];
  const how = plan.automatic ? "traded at once" : "proposed for your approval";
  return `By ${target}, ${when.join(" and ")}, ${how}.`;
}

export interface Place {
  x: number;
  y: number;
}

export interface Plot {
  line: Place[];
  before: Place;
  after: Place;
  volatility: [number, number];
  expected: [number, number];
}

/** The frontier in a box of 100 by 100, volatility across, expected return up. */
export function plotOf(frontier: Frontier): Plot {
  const all = [...frontier.points, frontier.before, frontier.after];
  const range = (values: number[]): [number, number] => {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [low - room, high + room];
  };
  const [calm, bold] = range(all.map((one) => one.volatility));
  const volatility: [number, number] = [Math.max(0, calm), bold];
  const expected = range(all.map((one) => one.expected));
  const place = (one: FrontierPoint): Place => ({
    x: ((one.volatility - volatility[0]) / (volatility[1] - volatility[0])) * 100,
    y: 100 - ((one.expected - expected[0]) / (expected[1] - expected[0])) * 100,
  });
  return { line: frontier.points.map(place), before: place(frontier.before), after: place(frontier.after), volatility, expected };
}
