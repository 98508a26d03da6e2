import { describe, expect, it } from "vitest";
import type { Plan, ProposalBrief } from "../../src/api/rebalancingTypes";
import { EMPTY_REBALANCE, faultsOf, fractionOf, planSentence, plotOf, sharesOf, standingOf, targetOf } from "../../src/state/rebalancing";

describe("percentages", () => {
  it("are exact fractions", () => {
    expect(["30", "0.1", "100", "0"].map(fractionOf)).toEqual(["0.3", "0.001", "1", "0"]);
  });

  it("are nothing else", () => {
    expect(["", "-1", "101", "a", "1e1"].map(fractionOf)).toEqual([null, null, null, null, null]);
  });
});

describe("what is typed", () => {
  it("becomes weights by symbol", () => {
    const { target } = targetOf({ ...EMPTY_REBALANCE, by: "weights", weights: "aapl 30, msft 25.5%", band: "1" });
    expect(target).toEqual({
      weights: { AAPL: "0.3", MSFT: "0.255" },
      cash_buffer: "0.02",
      band: "0.01",
      whole_shares: true,
      lots: "account",
      no_wash_sale: false,
      others: "keep",
    });
  });

  it("becomes a model over symbols within constraints", () => {
    const form = { ...EMPTY_REBALANCE, by: "hrp" as const, symbols: "aapl, ibm", maxWeight: "40", sectors: "Real Estate 20", sellOthers: true };
    const { target } = targetOf(form);
    expect([target?.model, target?.symbols, target?.max_weight, target?.others]).toEqual(["hrp", ["AAPL", "IBM"], "0.4", "sell"]);
    expect(target?.sectors).toEqual({ "Real Estate": { high: "0.2" } });
  });

  it("is told where it cannot be", () => {
    const { target, faults } = targetOf({ ...EMPTY_REBALANCE, by: "weights", weights: "AAPL", turnover: "200", minTrade: "-1" });
    expect(target).toBeNull();
    expect(Object.keys(faults).sort()).toEqual(["minTrade", "turnover", "weights"]);
    expect(targetOf({ ...EMPTY_REBALANCE, by: "weights" }).faults.weights).toContain("AAPL 30");
    expect(sharesOf("MSFT x").fault).toContain("MSFT x");
  });

  it("gets the server's words at its fields", () => {
    expect(faultsOf([{ field: "weights.AAPL", expected: "less" }, { field: "constraints", expected: "more" }])).toEqual({ weights: "less" });
  });
});

describe("sentences", () => {
  const brief: ProposalBrief = { id: "p", made_at: "2026-01-05T09:30:00Z", status: "stopped", plan: false, why: "somebody stopped it" };

  it("say where a proposal stands", () => {
    expect(standingOf(brief)).toBe("It was stopped: somebody stopped it.");
    expect(standingOf({ ...brief, status: "selling" })).toContain("buys follow");
  });

  it("say what a plan does", () => {
    const plan: Plan = { wanted: { model: "risk_parity", weights: {} }, every: "month", drift: "0.05", automatic: false, looked_at: null };
    expect(planSentence(plan)).toBe("By risk parity, at the start of each month and where a weight is off by more than 5.00%, proposed for your approval.");
  });
});

describe("the plot of a frontier", () => {
  it("has the calmest at the left and the most expected at the top", () => {
    const points = [{ volatility: 0.1, expected: 0.02 }, { volatility: 0.2, expected: 0.08 }];
    const plot = plotOf({ points, before: { volatility: 0.15, expected: 0.03 }, after: points[0]! });
    expect(plot.line[0]!.x).toBeLessThan(plot.before.x);
    expect(plot.line[1]!.y).toBeLessThan(plot.before.y);
    expect(plot.after).toEqual(plot.line[0]);
  });

  it("stands a single point", () => {
    const point = { volatility: 0.1, expected: 0 };
    const plot = plotOf({ points: [point], before: point, after: point });
    expect(Number.isFinite(plot.before.x) && Number.isFinite(plot.before.y)).toBe(true);
  });
});
