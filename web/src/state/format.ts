/** How numbers and times look on the page. Money and quantities stay decimal strings to the last digit. */

import { isDecimal, multiply, roundTo, signOf, trimZeros } from "./decimal";

const MINUS = "\u2212";
export const NOTHING = "\u2013";

const MARKET_ZONE = "America/New_York";

const zoned = new Intl.DateTimeFormat("en-CA", {
  timeZone: MARKET_ZONE,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const weekdayName = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short" });
const compactCount = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** Thousands separated by commas; the fraction is untouched. */
export function group(text: string): string {
  const [whole = "", fraction] = text.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

interface Look {
  before?: string;
  after?: string;
  /** Write a plus before what is above zero. */
  signed?: boolean;
}

function dressed(text: string, { before = "", after = "", signed = false }: Look): string {
  const sign = signOf(text);
  const lead = sign < 0 ? MINUS : signed && sign > 0 ? "+" : "";
  return `${lead}${before}${group(text)}${after}`;
}

type Given = string | null | undefined;

function shown(text: Given, write: (decimal: string) => string): string {
  if (text === null || text === undefined) return NOTHING;
  return isDecimal(text) ? write(text) : text;
}

export function money(text: Given, signed = false): string {
  return shown(text, (decimal) => dressed(roundTo(decimal, 2), { before: "$", signed }));
}

/** Two to four places, so that an average price shows what it has. */
export function price(text: Given): string {
  return shown(text, (decimal) => dressed(trimZeros(roundTo(decimal, 4), 2), {}));
}

export function quantity(text: Given): string {
  return shown(text, (decimal) => dressed(trimZeros(decimal), {}));
}

/** A fraction as a percentage: "0.0123" is "1.23%". */
export function percent(text: Given, signed = false, places = 2): string {
  return shown(text, (decimal) => dressed(roundTo(multiply(decimal, "100"), places), { after: "%", signed }));
}

/** A statistic between 0 and 1 as a percentage with one decimal. */
export function share(figure: string | number | null, places = 1): string {
  const value = Number(figure);
  return figure === null || !Number.isFinite(value) ? NOTHING : `${(value * 100).toFixed(places)}%`;
}

export function count(figure: string | number): string {
  const value = Number(figure);
  return Number.isFinite(value) ? compactCount.format(value) : String(figure);
}

/** A statistic in few digits, for people. */
export function figure(value: string | number | null): string {
  if (value === null) return NOTHING;
  const number = Number(value);
  if (!Number.isFinite(number)) return String(value);
  return String(Number(number.toPrecision(3))).replace("-", MINUS);
}

/** The sign's name, for colour and for readers of the screen. */
export function direction(text: Given): "up" | "down" | "flat" {
  if (text === null || text === undefined || !isDecimal(text)) return "flat";
  const sign = signOf(text);
  if (sign === 0) return "flat";
  return sign > 0 ? "up" : "down";
}

/** Market times come again and again (every order of a bar has the same), and formatting one is dear. */
const formatted = new Map<string, string>();
const FORMATTED_KEPT = 2000;

function zonedTime(time: string): string {
  const moment = new Date(time);
  if (Number.isNaN(moment.getTime())) return time;
  const parts = Object.fromEntries(zoned.formatToParts(moment).map((part) => [part.type, part.value]));
  return `${parts["year"]}-${parts["month"]}-${parts["day"]} ${parts["hour"]}:${parts["minute"]}`;
}

/** How many are unread, in what a small badge has room for; nothing where there are none. */
export function badge(unread: number): string {
  if (unread <= 0) return "";
  return unread > 99 ? "99+" : String(unread);
}

/** The market's wall time, "2005-01-03 16:00". */
export function marketTime(time: string): string {
  let text = formatted.get(time);
  if (text === undefined) {
    text = zonedTime(time);
    if (formatted.size >= FORMATTED_KEPT) formatted.clear();
    formatted.set(time, text);
  }
  return text;
}

/** The market's date, "2005-01-03"; what is a date already stays as it is. */
export function marketDate(time: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(time) ? time : marketTime(time).slice(0, 10);
}

/** "Mon" for "2005-01-03". */
export function weekday(date: string): string {
  const moment = new Date(`${date}T00:00:00Z`);
  return Number.isNaN(moment.getTime()) ? "" : weekdayName.format(moment);
}

/** The banner over an account whose trading is paused. */
export function haltSentence(reason: string): string {
  const because = reason.trim().replace(/\.$/, "");
  const stopped = because === "" ? "Trading is paused." : `Trading is paused: ${because}.`;
  return `${stopped} New orders are refused until you resume.`;
}

/** "partially_filled" becomes "partially filled". */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}

/** What an order is for: shares, or a value where it was given as one. */
export function sizeOf(order: { qty: string | null; notional: string | null }): string {
  return order.qty === null ? money(order.notional) : quantity(order.qty);
}
