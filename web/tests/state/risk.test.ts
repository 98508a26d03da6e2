import { describe, expect, it } from "vitest";
import { daysText, limitText, rate, shockOf, shocksOf, symbolShocks } from "../../src/state/risk";
import { showingOf } from "../../src/state/showing";

describe("shocks", () => {
  it("are percentages between a total loss and tenfold", () => {
    expect(shockOf("-20")).toBe(-0.2);
    expect(shockOf("1000")).toBe(10);
    for (const text of ["", " ", "x", "-101", "1001", "NaN", "1e999"]) expect(shockOf(text)).toBeNull();
  });

  it("of symbols are read in pairs, and what is none is named", () => {
    expect(symbolShocks("msft -20, IBM 5%,")).toEqual({ symbols: { MSFT: -0.2, IBM: 0.05 }, fault: null });
    expect(symbolShocks("MSFT").fault).toContain('"MSFT"');
  });

  it("of sectors and factors have names with spaces, and factors stand for the market", () => {
    const more = { name: " mine ", sectors: "Real Estate -20%, Software 5", factors: "Value -10" };
    expect(shocksOf("", "", more).shocks).toEqual({
      name: "mine",
      symbols: {},
      sectors: { "Real Estate": -0.2, Software: 0.05 },
      factors: { value: -0.1 },
    });
    expect(shocksOf("-10", "", { factors: "size 5" }).fault).toContain("not of both");
    expect(shocksOf("", "", { factors: "luck 5" }).fault).toContain('"luck"');
    expect(shocksOf("", "", { sectors: "Software" }).fault).toContain('"Software"');
  });

  it("need a move of something", () => {
    expect(shocksOf("-10", "")).toEqual({ shocks: { name: "own", market: -0.1, symbols: {} }, fault: null });
    expect(shocksOf("", "IBM 5").shocks).toEqual({ name: "own", symbols: { IBM: 0.05 } });
    expect(shocksOf("", "").fault).toBe("Give a move of the market or of a symbol.");
    expect(shocksOf("all", "").fault).toContain("percentage");
    expect(shocksOf("-10", "IBM").shocks).toBeNull();
  });
});

describe("figures of risk", () => {
  it("read in their units", () => {
    expect(limitText("1500", "usd")).toBe("$1,500.00");
    expect(limitText("0.25", "share of equity")).toBe("25.00%");
    expect(limitText("3", "orders")).toBe("3 orders");
    expect(limitText(null, "usd")).toBe("–");
    expect(rate(-0.1234)).toBe("−12.34%");
    expect(rate(null)).toBe("–");
    expect([daysText(null), daysText(0.0005), daysText(2.34)]).toEqual(["–", "less than one", "2.3"]);
  });
});

describe("the address", () => {
  it("names the page, and what names none is the terminal", () => {
    expect(["#portfolio", "#risk", "#backtests", "", "#x"].map(showingOf)).toEqual([
      "portfolio",
      "risk",
      "backtests",
      "terminal",
      "terminal",
    ]);
  });
});
