import { describe, expect, it } from "vitest";
import { estimatedNotional, IntentKey, livesOf, orderRequest, randomId, ticketErrors, type Ticket } from "../../src/state/ticket";

const ticket: Ticket = {
  symbol: "AAPL",
  side: "buy",
  type: "market",
  qty: "10",
  limitPrice: "",
  stopPrice: "",
  trailPercent: "",
  timeInForce: "day",
  exits: false,
  takeProfit: "",
  stopLoss: "",
};

describe("what is wrong with a ticket", () => {
  it("is nothing when it is whole", () => expect(ticketErrors(ticket)).toEqual({}));
  it("names the field", () => {
    expect(Object.keys(ticketErrors({ ...ticket, qty: "0", type: "limit" }))).toEqual(["qty", "limit_price"]);
    for (const qty of ["", "-1", "1e3", "1.0000000001", "١٢"]) expect(ticketErrors({ ...ticket, qty }).qty).toBeDefined();
  });
});

describe("what is wrong with an order that waits, or brings exits", () => {
  it("names the prices it needs", () => {
    const missing = (change: Partial<Ticket>) => Object.keys(ticketErrors({ ...ticket, ...change }));
    expect(missing({ type: "stop" })).toEqual(["stop_price"]);
    expect(missing({ type: "stop_limit" })).toEqual(["limit_price", "stop_price"]);
    expect(missing({ type: "trailing_stop" })).toEqual(["trail_percent"]);
    expect(missing({ type: "trailing_stop", trailPercent: "100" })).toEqual(["trail_percent"]);
    expect(missing({ exits: true })).toEqual(["take_profit.limit_price", "stop_loss.stop_price"]);
    expect(missing({ exits: true, stopLoss: "60" })).toEqual([]);
  });
  it("lets only what trades at once live otherwise than for the day or until canceled", () => {
    expect(livesOf(ticket)).toContain("fok");
    expect(livesOf({ type: "stop", exits: false })).toEqual(["day", "gtc"]);
    expect(livesOf({ type: "limit", exits: true })).toEqual(["day", "gtc"]);
  });
});

describe("what is sent", () => {
  it("has the prices of its type and nothing else", () => {
    const filled = { ...ticket, limitPrice: "9", stopPrice: "8", trailPercent: "5" };
    expect(orderRequest({ ...filled, type: "stop" })).toEqual({
      symbol: "AAPL", side: "buy", type: "stop", qty: "10", time_in_force: "day", stop_price: "8",
    });
    expect(orderRequest({ ...filled, type: "trailing_stop" })).toHaveProperty("trail_percent", "5");
    expect(estimatedNotional({ ...filled, type: "stop" }, "1")).toBe("80");
  });
  it("is a bracket with both exits and one with one", () => {
    const exits = { ...ticket, exits: true, takeProfit: "80", stopLoss: "60" };
    expect(orderRequest(exits)).toMatchObject({
      order_class: "bracket", take_profit: { limit_price: "80" }, stop_loss: { stop_price: "60" },
    });
    expect(orderRequest({ ...exits, takeProfit: "" })).toMatchObject({ order_class: "oto" });
    expect(orderRequest({ ...exits, exits: false })).not.toHaveProperty("order_class");
  });
  it("has a limit only when it is a limit order", () => {
    expect(orderRequest({ ...ticket, limitPrice: "9" })).not.toHaveProperty("limit_price");
    expect(orderRequest({ ...ticket, type: "limit", limitPrice: "9" })).toHaveProperty("limit_price", "9");
  });
  it("costs quantity times price, exactly", () => {
    expect(estimatedNotional({ ...ticket, qty: "0.1" }, "0.2")).toBe("0.02");
    expect(estimatedNotional({ ...ticket, type: "limit", limitPrice: "3" }, "1")).toBe("30");
    expect(estimatedNotional(ticket, null)).toBeNull();
  });
});

describe("the idempotency key", () => {
  it("stays with one intent and changes with the ticket", () => {
    let made = 0;
    const key = new IntentKey(() => `key-${(made += 1)}`);
    const first = orderRequest(ticket);
    expect([key.for(first), key.for(orderRequest({ ...ticket }))]).toEqual(["key-1", "key-1"]);
    expect(key.for({ ...first, qty: "11" })).toBe("key-2");
    expect(key.for(first)).toBe("key-3");
    key.settle();
    expect(key.for(first)).toBe("key-4");
  });
  it("is a version 4 UUID", () => {
    expect(randomId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
