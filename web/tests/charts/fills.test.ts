import { describe, expect, it } from "vitest";
import type { Order } from "../../src/api/types";
import { fillOfOrder, fillsOf } from "../../src/charts/fills";
import type { Fill } from "../../src/state/terminal";

const filled = (id: string, time: string) =>
  ({ id, symbol: "AAPL", side: "buy", filled_qty: "10", filled_avg_price: "70", updated_at: time }) as Order;
const live = (orderId: string, symbol: string): Fill => ({
  orderId,
  symbol,
  side: "buy",
  qty: "4",
  price: "71",
  fee: "0",
  time: "2005-01-09T14:30:00Z",
});

describe("fills of an instrument", () => {
  it("come oldest first, live ones instead of what their order tells", () => {
    const past = [filled("c", "2005-01-05T14:30:00Z"), filled("b", "2005-01-04T14:30:00Z"), filled("a", "2005-01-03T14:30:00Z")];
    const fills = fillsOf("AAPL", past, [live("b", "AAPL"), live("x", "IBM")]);
    expect(fills.map((fill) => `${fill.orderId}${fill.qty}`)).toEqual(["a10", "c10", "b4"]);
  });
  it("are none for an order without an execution", () => {
    expect(fillOfOrder({ ...filled("a", ""), filled_qty: "0.000", filled_avg_price: null })).toBeNull();
  });
});
