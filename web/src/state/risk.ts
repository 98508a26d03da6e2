/** What people type as shocks, and how figures of risk read. Pure. */

import type { LimitUse, Shocks, UseHistory } from "../api/accountTypes";
import { points, type Point } from "./backtests";
import { figure, money, NOTHING, percent, words } from "./format";

/** "-20" percent as a fraction; null where it is no number between a total loss and tenfold. */
export function shockOf(text: string): number | null {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) || value < -100 || value > 1000 ? null : value / 100;
}

const FACTORS = ["market", "size", "value"];

/** "Software -20, Real Estate 5" as shocks by name; a name may have spaces. */
export function namedShocks(text: string): { shocks: Record<string, number>; fault: string | null } {
  const shocks: Record<string, number> = {};
  for (const part of text.split(",").map((one) => one.trim()).filter((one) => one !== "")) {
    const found = /^(.*\S)\s+(\S+?)%?$/.exec(part);
    const shock = found === null ? null : shockOf(found[2] ?? "");
    if (found === null || shock === null) return { shocks, fault: `"${part}" is no name with a move in percent, such as Software -20.` };
    shocks[found[1] ?? ""] = shock;
  }
  return { shocks, fault: null };
}

/** "MSFT -20, IBM 5" as shocks by symbol; the first part that cannot be read, in words, where there is one. */
export function symbolShocks(text: string): { symbols: Record<string, number>; fault: string | null } {
  const symbols: Record<string, number> = {};
  for (const part of text.split(",").map((one) => one.trim()).filter((one) => one !== "")) {
    const [symbol = "", move = ""] = part.split(/\s+/);
    const shock = shockOf(move.replace(/%$/, ""));
    if (shock === null) return { symbols, fault: `"${part}" is no symbol with a move in percent, such as MSFT -20.` };
    symbols[symbol.toUpperCase()] = shock;
  }
  return { symbols, fault: null };
}

/** What was typed as the question to the server, or what is wrong with it. */
export function shocksOf(
  market: string,
  symbols: string,
  more: { name?: string; sectors?: string; factors?: string } = {},
): { shocks: Shocks | null; fault: string | null } {
  const whole = market.trim() === "" ? null : shockOf(market);
  if (market.trim() !== "" && whole === null) return { shocks: null, fault: "The market's move is a percentage, -100 or more." };
  const own = symbolShocks(symbols);
  if (own.fault !== null) return { shocks: null, fault: own.fault };
  const sectors = namedShocks(more.sectors ?? "");
  const factors = namedShocks((more.factors ?? "").toLowerCase());
  const fault = sectors.fault ?? factors.fault;
  if (fault !== null) return { shocks: null, fault };
  const odd = Object.keys(factors.shocks).find((name) => !FACTORS.includes(name));
  if (odd !== undefined) return { shocks: null, fault: `"${odd}" is none of the factors ${FACTORS.join(", ")}.` };
  const some = (given: Record<string, number>) => Object.keys(given).length > 0;
  if (some(factors.shocks) && whole !== null) return { shocks: null, fault: "Give a move of the market or of factors, not of both." };
  if (whole === null && !some(own.symbols) && !some(sectors.shocks) && !some(factors.shocks))
    return { shocks: null, fault: "Give a move of the market or of a symbol." };
  const shocks: Shocks = { name: more.name?.trim() || "own", symbols: own.symbols };
  if (some(sectors.shocks)) shocks.sectors = sectors.shocks;
  if (some(factors.shocks)) shocks.factors = factors.shocks;
  return { shocks: whole === null ? shocks : { ...shocks, market: whole }, fault: null };
}

/** The use of a limit as points of a chart: shares in percent, money as it is. */
export function usePoints(history: UseHistory): Point[] {
  const scale = history.unit === "usd" ? 1 : 100;
  const told = history.items.filter((one) => one.used !== null);
  return points(
    told.map((one) => one.time),
    told.map((one) => (one.used ?? 0) * scale),
  );
}

/** A fraction as a signed percentage. */
export function rate(value: number | null): string {
  return value === null ? NOTHING : percent(value.toFixed(6), true);
}

/** Days that a sale takes: no more precise than anybody could know. */
export function daysText(days: number | null): string {
  if (days === null) return NOTHING;
  return days < 1 ? "less than one" : days.toFixed(1);
}

/** A limit or its use in its unit. */
export function limitText(value: string | null, unit: LimitUse["unit"]): string {
  if (value === null) return NOTHING;
  if (unit === "usd") return money(value);
  if (unit.startsWith("share")) return unit === "shares" ? figure(value) : percent(value);
  return `${figure(value)} ${words(unit)}`;
}
