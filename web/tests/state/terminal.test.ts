import { describe, expect, it } from "vitest";
import type { Frame, Order, Portfolio, Signal } from "../../src/api/types";
import { applyFrames, applySnapshot, EMPTY_TERMINAL, mergeOrders, withOrder } from "../../src/state/terminal";

function order(id: string, change: Partial<Order> = {}): Order {
  return {
    id,
    client_order_id: null,
    symbol: "AAPL",
    side: "buy",
    type: "market",
    time_in_force: "day",
    qty: "10",
    notional: null,
    limit_price: null,
    stop_price: null,
    trail_price: null,
    trail_percent: null,
    order_class: "simple",
    leg: null,
    group_id: null,
    legs: null,
    status: "new",
    filled_qty: "0",
    filled_avg_price: null,
    hold: "0",
    placed_at: "2005-01-03T21:00:00Z",
    updated_at: "2005-01-03T21:00:00Z",
    replaces: null,
    replaced_by: null,
    signal_id: null,
    strategy: null,
    reason: null,
    ...change,
  };
}

function filled(id: string, position: number): Frame {
  return {
    type: "order",
    position,
    event: "OrderFilled",
    order: order(id, { status: "filled", filled_qty: "10" }),
    execution: { price: "70.5", qty: "10", fee: "0.35", time: "2005-01-04T14:30:00Z" },
  };
}

function placed(id: string, position: number): Frame {
  return { type: "order", position, event: "OrderPlaced", order: order(id), execution: null };
}

const ids = (entries: readonly { order: Order }[]) => entries.map((entry) => entry.order.id);

describe("order frames", () => {
  it("put new orders first and change known ones in place", () => {
    const state = applyFrames(EMPTY_TERMINAL, [placed("a", 1), placed("b", 2), filled("a", 3)]);
    expect(ids(state.orders)).toEqual(["b", "a"]);
    expect(state.orders[1]?.order.status).toBe("filled");
    expect(state.fills).toHaveLength(1);
  });
  it("do not let an older word undo a newer one", () => {
    const state = applyFrames(EMPTY_TERMINAL, [filled("a", 5), placed("a", 4)]);
    expect(state.orders[0]?.order.status).toBe("filled");
  });
  it("tell a few fills one by one and many at once", () => {
    expect(applyFrames(EMPTY_TERMINAL, [filled("a", 1)]).toasts[0]?.title).toBe("Bought 10 AAPL");
    const many = applyFrames(EMPTY_TERMINAL, [filled("a", 1), filled("b", 2), filled("c", 3)]);
    expect(many.toasts.map((toast) => toast.title)).toEqual(["3 orders filled"]);
    const more = applyFrames(many, [filled("d", 4)]);
    expect(more.toasts.map((toast) => toast.title)).toEqual(["4 orders filled"]);
  });
  it("keep every open order however many follow", () => {
    const frames = [placed("old", 1), ...Array.from({ length: 400 }, (_, n) => filled(`f${n}`, n + 2))];
    const state = applyFrames(EMPTY_TERMINAL, frames);
    expect(ids(state.orders)).toContain("old");
    expect(state.orders.length).toBeLessThan(310);
  });
});

describe("the fetched picture", () => {
  it("gives way to what the websocket told meanwhile", () => {
    const live = applyFrames(EMPTY_TERMINAL, [filled("a", 9), placed("new", 10)]).orders;
    const merged = mergeOrders(live, [order("a"), order("z")]);
    expect(ids(merged)).toEqual(["new", "a", "z"]);
    expect(merged[1]?.order.status).toBe("filled");
  });
  it("replaces what came from an earlier request", () => {
    const earlier = withOrder([], order("a"), null);
    expect(mergeOrders(earlier, [order("a", { status: "canceled" })])[0]?.order.status).toBe("canceled");
  });
  it("chooses the first holding and joins signals without repeating them", () => {
    const signal = { id: "s1" } as Signal;
    const live = applyFrames(EMPTY_TERMINAL, [{ type: "signal", position: 1, data: signal }]);
    const portfolio = { holdings: [{ symbol: "IBM" }] } as Portfolio;
    const state = applySnapshot(live, {
      clock: { step: 1 } as never,
      portfolio,
      instruments: [],
      orders: [],
      signals: [{ id: "s1" } as Signal, { id: "s0" } as Signal],
    });
    expect(state.selected).toBe("IBM");
    expect(state.signals.map((known) => known.id)).toEqual(["s1", "s0"]);
  });
});

describe("prices frames", () => {
  it("keep the last word of instruments that are not in the frame", () => {
    const quote = { open: "1", high: "1", low: "1", close: "1", volume: "1", change: null };
    const prices = (time: string, symbol: string): Frame => ({ type: "prices", data: { time, prices: { [symbol]: quote } } });
    const state = applyFrames(EMPTY_TERMINAL, [prices("t1", "A"), prices("t2", "B")]);
    expect(state.quotes["A"]?.time).toBe("t1");
    expect(state.quotes["B"]?.time).toBe("t2");
  });
});

describe("inbox frames", () => {
  const entry = {
    id: "7.order_filled",
    position: 7,
    kind: "order_filled",
    severity: "info" as const,
    title: "Order filled",
    body: "",
    account_id: null,
    time: "2026-01-05T09:30:00Z",
    read_at: null,
  };
  it("replace the inbox as a whole", () => {
    const frames: Frame[] = [
      { type: "inbox", data: { items: [entry], unread: 3 } },
      { type: "inbox", data: { items: [entry], unread: 0 } },
    ];
    const state = applyFrames(EMPTY_TERMINAL, frames);
    expect(state.inbox).toEqual({ items: [entry], unread: 0 });
  });
});
