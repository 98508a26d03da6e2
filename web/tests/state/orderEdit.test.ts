import { describe, expect, it } from "vitest";
import type { Order } from "../../src/api/types";
import { editErrors, editOf, orderChange } from "../../src/state/orderEdit";

const limit = { qty: "10.000", limit_price: "97.50" } as Order;
const market = { qty: "10", limit_price: null } as Order;

describe("changing an open order", () => {
  it("starts from the order as it is, and then sends nothing", () => {
    expect(editOf(limit)).toEqual({ qty: "10", limitPrice: "97.5" });
    expect(orderChange(limit, editOf(limit))).toBeNull();
    expect(orderChange(market, editOf(market))).toBeNull();
  });
  it("sends only what differs", () => {
    expect(orderChange(limit, { qty: "12", limitPrice: "97.5" })).toEqual({ qty: "12" });
    expect(orderChange(limit, { qty: "10", limitPrice: "97.25" })).toEqual({ limit_price: "97.25" });
    expect(orderChange(market, { qty: "9", limitPrice: "" })).toEqual({ qty: "9" });
  });
  it("names what is wrong; a market order has no limit to be wrong", () => {
    expect(Object.keys(editErrors(limit, { qty: "0", limitPrice: "" }))).toEqual(["qty", "limit_price"]);
    expect(editErrors(market, { qty: "9", limitPrice: "" })).toEqual({});
  });
});
