import { describe, expect, it } from "vitest";
import { chartTime, fillMarks, mergeByTime, weekdaysBetween } from "../../src/charts/series";
import type { Fill } from "../../src/state/terminal";

const close = (date: string) => chartTime(`${date}T21:00:00Z`);

function fill(side: "buy" | "sell", time: string, qty = "10"): Fill {
  return { orderId: time + side, symbol: "AAPL", side, qty, price: "1", fee: "0", time };
}

describe("weekdays between two daily points", () => {
  it("is one over a weekend and more over a gap", () => {
    expect(weekdaysBetween(close("2005-01-03"), close("2005-01-04"))).toBe(1);
    expect(weekdaysBetween(close("2005-01-07"), close("2005-01-10"))).toBe(1);
    expect(weekdaysBetween(close("2005-01-03"), close("2005-01-17"))).toBe(10);
    expect(weekdaysBetween(close("2005-01-03"), close("2005-01-03"))).toBe(0);
    expect(weekdaysBetween(close("2005-01-04"), close("2005-01-03"))).toBe(0);
  });
});

describe("merging", () => {
  it("orders by time and lets the fresh point win", () => {
    const merged = mergeByTime(
      [
        { time: 1, value: "old" },
        { time: 3, value: "old" },
      ],
      [
        { time: 3, value: "new" },
        { time: 2, value: "new" },
      ],
    );
    expect(merged.map((point) => `${point.time}${point.value}`)).toEqual(["1old", "2new", "3new"]);
  });
});

describe("fill marks", () => {
  const times = [close("2005-01-03"), close("2005-01-04"), close("2005-01-05")];
  it("sit on the bar in which the fill happened", () => {
    const marks = fillMarks([fill("buy", "2005-01-04T14:30:00Z"), fill("sell", "2005-01-05T21:00:00Z")], times);
    expect(marks).toEqual([
      { time: times[1], side: "buy", label: "10" },
      { time: times[2], side: "sell", label: "10" },
    ]);
  });
  it("add up by bar and side", () => {
    const marks = fillMarks([fill("buy", "2005-01-04T14:30:00Z", "0.1"), fill("buy", "2005-01-04T15:00:00Z", "0.2")], times);
    expect(marks.map((mark) => mark.label)).toEqual(["0.3"]);
  });
  it("leave out what lies before or after the bars", () => {
    expect(fillMarks([fill("buy", "2004-06-01T14:30:00Z"), fill("buy", "2005-02-01T14:30:00Z")], times)).toEqual([]);
    expect(fillMarks([fill("buy", "2005-01-04T14:30:00Z")], [])).toEqual([]);
  });
});
