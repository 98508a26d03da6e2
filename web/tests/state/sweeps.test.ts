import { describe, expect, it } from "vitest";
import type { Strategy, Sweep, SweepSet } from "../../src/api/types";
import { backtestOf, combinations, sweepDraft, sweepErrors, sweepRequest, valuesOf } from "../../src/state/sweepForm";
import { mapOf, ordered } from "../../src/state/sweepMap";

const none = { least: null, most: null, choices: [] };
const STRATEGY: Strategy = {
  name: "crossing",
  about: "",
  sweeps: true,
  parameters: [
    { ...none, name: "fast", kind: "whole", preset: 20, least: 2, most: 200 },
    { ...none, name: "risk", kind: "exact", preset: "0.5", least: "0.1", most: "1" },
    { ...none, name: "side", kind: "choice", preset: "long", choices: ["long", "both"] },
  ],
};
const DRAFT = sweepDraft(STRATEGY);
const typed = (parameters: Record<string, string>) => ({ ...DRAFT, parameters: { ...DRAFT.parameters, ...parameters } });

describe("the values of a sweep", () => {
  it("are listed or stepped, exactly", () => {
    expect(valuesOf("5, 10  20")).toEqual(["5", "10", "20"]);
    expect(valuesOf("5:20:5")).toEqual(["5", "10", "15", "20"]);
    expect(valuesOf("0.1:0.35:0.1")).toEqual(["0.1", "0.2", "0.3"]);
    expect(valuesOf("-1:1:1")).toEqual(["-1", "0", "1"]);
    expect(valuesOf("20:5:5")).toEqual(["20:5:5"]);
    expect(valuesOf("1:1000000000:1")).toEqual(["1:1000000000:1"]);
  });
  it("make a grid of those with several and fix those with one", () => {
    const draft = typed({ fast: "10:30:10", risk: "0.5", side: "long, both" });
    expect(combinations(draft, STRATEGY)).toBe(6);
    expect(sweepErrors(draft, STRATEGY)).toEqual({});
    const { grid, parameters } = sweepRequest(draft, STRATEGY);
    expect(grid).toEqual({ fast: [10, 20, 30], side: ["long", "both"] });
    expect(parameters).toEqual({ risk: "0.5" });
  });
  it("begin as a few around the usual value", () => {
    expect(valuesOf(DRAFT.parameters["fast"] ?? "")).toEqual(["10", "15", "20", "30", "40"]);
    expect(sweepErrors(DRAFT, STRATEGY)).toEqual({});
  });
  it("are refused at their field", () => {
    expect(Object.keys(sweepErrors(typed({ fast: "20" }), STRATEGY))).toEqual(["grid"]);
    expect(Object.keys(sweepErrors(typed({ fast: "1, 5" }), STRATEGY))).toEqual(["grid.fast"]);
    expect(Object.keys(sweepErrors(typed({ risk: "0.1, 0.10" }), STRATEGY))).toEqual(["grid.risk"]);
    expect(Object.keys(sweepErrors(typed({ side: "short" }), STRATEGY))).toEqual(["grid.side"]);
    expect(Object.keys(sweepErrors(typed({ fast: "2:200:1", risk: "0.1:1:0.05" }), STRATEGY))).toEqual(["grid"]);
  });
});

const set = (number: number, fast: number, slow: number, sharpe: number | null): SweepSet => ({
  number,
  parameters: { fast, slow },
  equity: "100",
  total_return: 0.1,
  cagr: 0.1,
  sharpe,
  max_drawdown: -0.1,
  exposure: 1,
  turnover: 1,
  trades: 3,
  costs: "1",
  error: null,
});
const SETS = [set(0, 5, 40, 0.5), set(1, 10, 40, 1.0), set(2, 5, 80, null), set(3, 10, 80, -2.0)];

describe("the results of a sweep", () => {
  it("are ordered either way, those without the figure last", () => {
    expect(ordered(SETS, { by: "sharpe", descending: true }).map((one) => one.number)).toEqual([1, 0, 3, 2]);
    expect(ordered(SETS, { by: "sharpe", descending: false }).map((one) => one.number)).toEqual([3, 0, 1, 2]);
    expect(ordered(SETS, { by: "parameter.fast", descending: false }).map((one) => one.number)).toEqual([0, 2, 1, 3]);
  });
  it("are a map over two parameters, with the strength of each cell", () => {
    const map = mapOf(SETS, "fast", "slow", "sharpe");
    expect(map.columns).toEqual([5, 10]);
    expect(map.rows).toEqual([40, 80]);
    expect(map.cells[0]).toEqual([
      { value: 0.5, strength: 0.25 },
      { value: 1, strength: 0.5 },
    ]);
    expect(map.cells[1]).toEqual([
      { value: null, strength: 0 },
      { value: -2, strength: -1 },
    ]);
  });
  it("are a mean over the parameters that the map leaves out", () => {
    expect(mapOf(SETS, "fast", null, "sharpe").cells[0]?.map((cell) => cell.value)).toEqual([0.5, -0.5]);
  });
  it("have a backtest of one set that asks for all the sweep asked", () => {
    const sweep = {
      strategy: "crossing",
      data: "demo",
      symbols: ["MSFT"],
      start: "2003-01-01T00:00:00Z",
      end: null,
      cash: "5000",
      account: "margin",
      fee_bps: "2",
      fee_minimum: null,
      latency_ms: 5,
      impact: { model: "volume_share", price_impact: "0.1", limit: "0.2", volatility: null },
    } as unknown as Sweep;
    expect(backtestOf(sweep, SETS[1] as SweepSet)).toEqual({
      strategy: "crossing",
      data: "demo",
      symbols: ["MSFT"],
      start: "2003-01-01T00:00:00Z",
      cash: "5000",
      account: "margin",
      fee_bps: "2",
      latency_ms: 5,
      impact: { model: "volume_share", price_impact: "0.1", limit: "0.2" },
      parameters: { fast: 10, slow: 40 },
    });
  });
});
