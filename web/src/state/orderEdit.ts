/** Changing an open order: what is wrong with the new figures, and what of them is sent. */

import type { Order, OrderChange } from "../api/types";
import { signOf, subtract, trimZeros } from "./decimal";
import { amountError } from "./ticket";

export interface OrderEdit {
  qty: string;
  limitPrice: string;
}

export type OrderEditErrors = Partial<Record<keyof OrderChange, string>>;

export function editOf(order: Order): OrderEdit {
  return { qty: trimZeros(order.qty), limitPrice: order.limit_price === null ? "" : trimZeros(order.limit_price) };
}

export function editErrors(order: Order, edit: OrderEdit): OrderEditErrors {
  const errors: OrderEditErrors = {};
  const qty = amountError(edit.qty);
  const limit = order.limit_price === null ? null : amountError(edit.limitPrice);
  if (qty !== null) errors.qty = qty;
  if (limit !== null) errors.limit_price = limit;
  return errors;
}

function differs(text: string, known: string): boolean {
  return signOf(subtract(text, known)) !== 0;
}

/** Only what differs from the order as it is; null when nothing does. `edit` is without errors. */
export function orderChange(order: Order, edit: OrderEdit): OrderChange | null {
  const change: OrderChange = {};
  if (differs(edit.qty, order.qty)) change.qty = edit.qty;
  if (order.limit_price !== null && differs(edit.limitPrice, order.limit_price)) change.limit_price = edit.limitPrice;
  return Object.keys(change).length === 0 ? null : change;
}
