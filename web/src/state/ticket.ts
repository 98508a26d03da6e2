/** The order ticket's rules: what it asks for, what is wrong with it, what it will cost, and its idempotency key. */

import type { OrderChange, OrderRequest, OrderType, Side, TimeInForce } from "../api/types";
import { isDecimal, multiply, signOf, subtract } from "./decimal";

export interface Ticket {
  symbol: string;
  side: Side;
  type: OrderType;
  qty: string;
  limitPrice: string;
  stopPrice: string;
  trailPercent: string;
  timeInForce: TimeInForce;
  /** Whether it brings its exits: both make a bracket, one of them is enough. */
  exits: boolean;
  takeProfit: string;
  stopLoss: string;
}

export type TicketField =
  | "symbol"
  | "side"
  | "type"
  | "qty"
  | "limit_price"
  | "stop_price"
  | "trail_percent"
  | "time_in_force"
  | "take_profit.limit_price"
  | "stop_loss.stop_price";
export type TicketErrors = Partial<Record<TicketField, string>>;

export const TYPE_WORDS: Record<OrderType, string> = {
  market: "Market",
  limit: "Limit",
  stop: "Stop",
  stop_limit: "Stop limit",
  trailing_stop: "Trailing stop",
};
export const LIVES: Record<TimeInForce, string> = {
  day: "The day",
  gtc: "Until canceled",
  ioc: "Immediate or cancel",
  fok: "All at once or cancel",
  opg: "The opening only",
  cls: "The close only",
};

export function hasLimit(type: OrderType): boolean {
  return type === "limit" || type === "stop_limit";
}

export function hasStop(type: OrderType): boolean {
  return type === "stop" || type === "stop_limit";
}

/** How long an order may live: one that waits for a price, or brings exits, for the day or until canceled. */
export function livesOf(ticket: Pick<Ticket, "type" | "exits">): TimeInForce[] {
  const atOnce = (ticket.type === "market" || ticket.type === "limit") && !ticket.exits;
  return atOnce ? (Object.keys(LIVES) as TimeInForce[]) : ["day", "gtc"];
}

const AMOUNT = /^\d{1,10}(\.\d{1,9})?$/;

/** What is wrong with what somebody typed for a quantity or a price; null when nothing is. */
export function amountError(text: string): string | null {
  if (text === "") return "Enter a number";
  if (!AMOUNT.test(text)) return "Digits only, at most 9 decimal places";
  return signOf(text) > 0 ? null : "Must be above zero";
}

/** The amounts that a ticket takes, by the field they are sent as. */
function amountsOf(ticket: Ticket): Partial<Record<TicketField, string>> {
  const amounts: Partial<Record<TicketField, string>> = { qty: ticket.qty };
  if (hasLimit(ticket.type)) amounts.limit_price = ticket.limitPrice;
  if (hasStop(ticket.type)) amounts.stop_price = ticket.stopPrice;
  if (ticket.type === "trailing_stop") amounts.trail_percent = ticket.trailPercent;
  const { exits, takeProfit, stopLoss } = ticket;
  if (exits && (takeProfit !== "" || stopLoss === "")) amounts["take_profit.limit_price"] = takeProfit;
  if (exits && (stopLoss !== "" || takeProfit === "")) amounts["stop_loss.stop_price"] = stopLoss;
  return amounts;
}

export function ticketErrors(ticket: Ticket): TicketErrors {
  const errors: TicketErrors = {};
  if (ticket.symbol === "") errors.symbol = "Choose an instrument";
  for (const [field, amount] of Object.entries(amountsOf(ticket)) as [TicketField, string][]) {
    const error = amountError(amount);
    if (error !== null) errors[field] = error;
  }
  if (errors.trail_percent === undefined && ticket.type === "trailing_stop") {
    if (signOf(subtract(ticket.trailPercent, "100")) >= 0) errors.trail_percent = "Must be below 100";
  }
  return errors;
}

export function orderRequest(ticket: Ticket): OrderRequest {
  const request: OrderRequest = {
    symbol: ticket.symbol,
    side: ticket.side,
    type: ticket.type,
    qty: ticket.qty,
    time_in_force: ticket.timeInForce,
  };
  if (hasLimit(ticket.type)) request.limit_price = ticket.limitPrice;
  if (hasStop(ticket.type)) request.stop_price = ticket.stopPrice;
  if (ticket.type === "trailing_stop") request.trail_percent = ticket.trailPercent;
  if (!ticket.exits) return request;
  if (ticket.takeProfit !== "") request.take_profit = { limit_price: ticket.takeProfit };
  if (ticket.stopLoss !== "") request.stop_loss = { stop_price: ticket.stopLoss };
  return { ...request, order_class: request.take_profit && request.stop_loss ? "bracket" : "oto" };
}

/** Quantity times the limit, the stop price, or the last price; null while either is missing. */
export function estimatedNotional(ticket: Ticket, last: string | null): string | null {
  const each = hasLimit(ticket.type) ? ticket.limitPrice : hasStop(ticket.type) ? ticket.stopPrice : last;
  if (each === null || !AMOUNT.test(ticket.qty) || !isDecimal(each)) return null;
  return multiply(ticket.qty, each);
}

/** A random UUID (version 4) that also works where the page is not served over TLS. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** One key per intent: the same order asked again keeps it until the server has decided. */
export class IntentKey {
  private intent: string | null = null;
  private key = "";
  private readonly newKey: () => string;

  constructor(newKey: () => string = randomId) {
    this.newKey = newKey;
  }

  for(request: OrderRequest | OrderChange): string {
    const intent = JSON.stringify(request);
    if (intent !== this.intent) {
      this.intent = intent;
      this.key = this.newKey();
    }
    return this.key;
  }

  /** The server accepted or refused: asking again is a new intent. */
  settle(): void {
    this.intent = null;
  }
}
