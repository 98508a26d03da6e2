/** The fills of one instrument: those of before by request, those of now from the store. */

import type { Order } from "../api/types";
import type { Fill } from "../state/terminal";

/** What an order tells of its executions: one fill of the average price, at the time it last changed. */
export function fillOfOrder(order: Order): Fill | null {
  if (order.filled_avg_price === null || /^[0.]+$/.test(order.filled_qty)) return null;
  return {
    orderId: order.id,
    symbol: order.symbol,
    side: order.side,
    qty: order.filled_qty,
    price: order.filled_avg_price,
    fee: "0",
    time: order.updated_at,
  };
}

/** Past and live fills of one instrument, oldest first; an order told live is not told twice. */
export function fillsOf(symbol: string, past: readonly Order[], live: readonly Fill[]): Fill[] {
  const ours = live.filter((fill) => fill.symbol === symbol);
  const told = new Set(ours.map((fill) => fill.orderId));
  const before = past
    .filter((order) => !told.has(order.id))
    .map(fillOfOrder)
    .filter((fill) => fill !== null)
    .reverse();
  return [...before, ...ours];
}
