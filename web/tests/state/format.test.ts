import { describe, expect, it } from "vitest";
import { badge, direction, group, haltSentence, marketDate, marketTime, money, percent, price, quantity } from "../../src/state/format";

describe("money", () => {
  it("groups thousands and keeps two places", () => {
    expect(money("1234567.891")).toBe("$1,234,567.89");
    expect(money("100000.000000")).toBe("$100,000.00");
    expect(money("99999999999999999999.99")).toBe("$99,999,999,999,999,999,999.99");
  });
  it("signs what is asked to be signed, and never a zero", () => {
    expect(money("12.3", true)).toBe("+$12.30");
    expect(money("-12.3")).toBe("\u2212$12.30");
    expect(money("-0.001", true)).toBe("$0.00");
  });
  it("shows a dash for nothing and the text itself for what it cannot read", () => {
    expect(money(null)).toBe("\u2013");
    expect(money("1E+5")).toBe("1E+5");
  });
});

describe("other figures", () => {
  it("shows prices with two to four places", () => {
    expect([price("27.06"), price("26.861700000"), price("5"), price("1234.56789")]).toEqual([
      "27.06",
      "26.8617",
      "5.00",
      "1,234.5679",
    ]);
  });
  it("shows quantities to the last place that matters", () => {
    expect([quantity("10.000000000"), quantity("0.123456789"), quantity("1500")]).toEqual([
      "10",
      "0.123456789",
      "1,500",
    ]);
  });
  it("shows fractions as percentages", () => {
    expect([percent("0.0123", true), percent("-0.0434"), percent("0")]).toEqual(["+1.23%", "\u22124.34%", "0.00%"]);
  });
  it("groups without a fraction", () => expect(group("-1000")).toBe("1,000"));
  it("names the direction", () => {
    expect([direction("0.01"), direction("-1"), direction("0.00"), direction(null)]).toEqual([
      "up",
      "down",
      "flat",
      "flat",
    ]);
  });
});

describe("market time", () => {
  it("is New York's, summer and winter", () => {
    expect(marketTime("2005-01-03T21:00:00Z")).toBe("2005-01-03 16:00");
    expect(marketTime("2005-07-01T20:00:00Z")).toBe("2005-07-01 16:00");
    expect(marketDate("2005-01-04T01:00:00Z")).toBe("2005-01-03");
  });
  it("leaves a plain date alone", () => expect(marketDate("2005-01-03")).toBe("2005-01-03"));
});

describe("the banner of a paused account", () => {
  it("tells the reason once", () => {
    expect(haltSentence("day loss of 5.2%.")).toBe(
      "Trading is paused: day loss of 5.2%. New orders are refused until you resume.",
    );
    expect(haltSentence("")).toBe("Trading is paused. New orders are refused until you resume.");
  });
});

describe("badge", () => {
  it("has room for two digits and says nothing of nothing", () => {
    expect([0, 1, 99, 100].map(badge)).toEqual(["", "1", "99", "99+"]);
  });
});
