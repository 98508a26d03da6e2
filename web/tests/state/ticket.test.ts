import { describe, expect, it } from "vitest";
import { estimatedNotional, IntentKey, orderRequest, randomId, ticketErrors, type Ticket } from "../../src/state/ticket";

const ticket: Ticket = {
  symbol: "AAPL",
  side: "buy",
  type: "market",
  qty: "10",
  limitPrice: "",
  timeInForce: "day",
};

describe("what is wrong with a ticket", () => {
  it("is nothing when it is whole", () => expect(ticketErrors(ticket)).toEqual({}));
  it("names the field", () => {
    expect(Object.keys(ticketErrors({ ...ticket, qty: "0", type: "limit" }))).toEqual(["qty", "limit_price"]);
    for (const qty of ["", "-1", "1e3", "1.0000000001", "١٢"]) expect(ticketErrors({ ...ticket, qty }).qty).toBeDefined();
  });
});

describe("what is sent", () => {
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
