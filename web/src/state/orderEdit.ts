/** Changing an open order: what is wrong with the new figures, and what of them is sent. */

import type { Order, OrderChange } from "../api/types";
import { signOf, subtract, trimZeros } from "./decimal";
import { amountError } from "./ticket";

export interface OrderEdit {
  qty: string;
  limitPrice: string;
  stopPrice: string;
  trail: string;
}

export type OrderEditErrors = Partial<Record<keyof OrderChange, string>>;

/** The figures of an order that can be changed, by the name they are sent under; null for those it has not. */
function figuresOf(order: Order): Record<keyof OrderChange, string | null> {
  const trail = order.trail_percent ?? order.trail_price;
  return {
    qty: order.qty,
    limit_price: order.limit_price,
    stop_price: trail === null ? order.stop_price : null,
    trail,
  };
}

const TYPED: Record<keyof OrderChange, keyof OrderEdit> = {
  qty: "qty",
  limit_price: "limitPrice",
  stop_price: "stopPrice",
  trail: "trail",
};
const NAMES = Object.keys(TYPED) as (keyof OrderChange)[];

/** Whether an order can be replaced: one for a value cannot, nor one that a broker has not answered for. */
export function isEditable(order: Order): boolean {
  return order.qty !== null && ["new", "held", "partially_filled"].includes(order.status);
}

/** Whether the order has this figure. */
export function has(order: Order, name: keyof OrderChange): boolean {
  return figuresOf(order)[name] !== null;
}

export function editOf(order: Order): OrderEdit {
  const edit: OrderEdit = { qty: "", limitPrice: "", stopPrice: "", trail: "" };
  const figures = figuresOf(order);
  for (const name of NAMES) edit[TYPED[name]] = trimZeros(figures[name] ?? "");
  return edit;
}

export function editErrors(order: Order, edit: OrderEdit): OrderEditErrors {
  const errors: OrderEditErrors = {};
  for (const name of NAMES.filter((each) => has(order, each))) {
    const error = amountError(edit[TYPED[name]]);
    if (error !== null) errors[name] = error;
  }
  return errors;
}

/** Only what differs from the order as it is; null when nothing does. `edit` is without errors. */
export function orderChange(order: Order, edit: OrderEdit): OrderChange | null {
  const change: OrderChange = {};
  const figures = figuresOf(order);
  for (const name of NAMES) {
    const known = figures[name];
    if (known !== null && signOf(subtract(edit[TYPED[name]], known)) !== 0) change[name] = edit[TYPED[name]];
  }
  return Object.keys(change).length === 0 ? null : change;
}
