/** The order ticket's rules: what it asks for, what is wrong with it, what it will cost, and its idempotency key. */

import type { OrderChange, OrderRequest, OrderType, Side, TimeInForce } from "../api/types";
import { isDecimal, multiply, signOf } from "./decimal";

export interface Ticket {
  symbol: string;
  side: Side;
  type: OrderType;
  qty: string;
  limitPrice: string;
  timeInForce: TimeInForce;
}

export type TicketField = "symbol" | "side" | "type" | "qty" | "limit_price" | "time_in_force";
export type TicketErrors = Partial<Record<TicketField, string>>;

const AMOUNT = /^\d{1,10}(\.\d{1,9})?$/;

/** What is wrong with what somebody typed for a quantity or a price; null when nothing is. */
export function amountError(text: string): string | null {
  if (text === "") return "Enter a number";
  if (!AMOUNT.test(text)) return "Digits only, at most 9 decimal places";
  return signOf(text) > 0 ? null : "Must be above zero";
}

export function ticketErrors(ticket: Ticket): TicketErrors {
  const errors: TicketErrors = {};
  const qty = amountError(ticket.qty);
  const limit = ticket.type === "limit" ? amountError(ticket.limitPrice) : null;
  if (ticket.symbol === "") errors.symbol = "Choose an instrument";
  if (qty !== null) errors.qty = qty;
  if (limit !== null) errors.limit_price = limit;
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
  return ticket.type === "limit" ? { ...request, limit_price: ticket.limitPrice } : request;
}

/** Quantity times the limit, or times the last price; null while either is missing. */
export function estimatedNotional(ticket: Ticket, last: string | null): string | null {
  const each = ticket.type === "limit" ? ticket.limitPrice : last;
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
