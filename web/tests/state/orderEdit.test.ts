import { describe, expect, it } from "vitest";
import type { Order } from "../../src/api/types";
import { editErrors, editOf, isEditable, orderChange } from "../../src/state/orderEdit";

const figures = { limit_price: null, stop_price: null, trail_price: null, trail_percent: null };
const limit = { ...figures, qty: "10.000", limit_price: "97.50" } as Order;
const market = { ...figures, qty: "10" } as Order;
const trailing = { ...figures, qty: "10", stop_price: "95", trail_percent: "5" } as Order;
const NOTHING = { qty: "", limitPrice: "", stopPrice: "", trail: "" };

describe("changing an open order", () => {
  it("starts from the order as it is, and then sends nothing", () => {
    expect(editOf(limit)).toEqual({ ...NOTHING, qty: "10", limitPrice: "97.5" });
    for (const order of [limit, market, trailing]) expect(orderChange(order, editOf(order))).toBeNull();
  });
  it("sends only what differs", () => {
    expect(orderChange(limit, { ...editOf(limit), qty: "12" })).toEqual({ qty: "12" });
    expect(orderChange(limit, { ...editOf(limit), limitPrice: "97.25" })).toEqual({ limit_price: "97.25" });
    expect(orderChange(market, { ...editOf(market), qty: "9" })).toEqual({ qty: "9" });
    expect(orderChange(trailing, { ...editOf(trailing), trail: "4" })).toEqual({ trail: "4" });
  });
  it("names what is wrong; a market order has no limit to be wrong", () => {
    expect(Object.keys(editErrors(limit, { ...NOTHING, qty: "0" }))).toEqual(["qty", "limit_price"]);
    expect(editErrors(market, { ...NOTHING, qty: "9" })).toEqual({});
    expect(Object.keys(editErrors(trailing, { ...NOTHING, qty: "9" }))).toEqual(["trail"]);
  });
  it("is not for an order for a value, nor for one nobody has answered for", () => {
    expect(isEditable({ ...limit, status: "new" })).toBe(true);
    expect(isEditable({ ...limit, status: "unknown" })).toBe(false);
    expect(isEditable({ ...market, qty: null, status: "new" })).toBe(false);
  });
});
