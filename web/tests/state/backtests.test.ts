import { describe, expect, it } from "vitest";
import type { Backtest, BacktestStatus, Check } from "../../src/api/types";
import { differences, isStale, metricText, parameterWords, points, reasons, statusWords, withNews } from "../../src/state/backtests";
import { showingOf } from "../../src/state/showing";
import { applyFrames, EMPTY_TERMINAL } from "../../src/state/terminal";

const backtest = (id: string, status: BacktestStatus, progress = 0): Backtest => ({
  id,
  status,
  progress,
  strategy: "crossing",
  parameters: { fast: 20 },
  data: "demo",
  symbols: [],
  start: null,
  end: null,
  cash: "100000",
  created_at: "2026-01-05T09:30:00Z",
  finished_at: null,
  error: null,
  metrics: null,
  assumptions: {},
  validation: null,
  verdict: null,
});
const news = (id: string, status: BacktestStatus, progress = 0) => ({ [id]: { id, status, progress } });

describe("backtests and what is told of them", () => {
  it("keeps the last word on each", () => {
    const told = [0.1, 0.4].map((progress) => ({
      type: "backtest" as const,
      data: { id: "a", status: "running" as const, progress },
    }));
    expect(applyFrames(EMPTY_TERMINAL, told).backtests).toEqual(news("a", "running", 0.4));
  });
  it("keeps the last word on a validation by its backtest", () => {
    const told = { id: "v", backtest_id: "a", status: "running" as const, progress: 0.4 };
    expect(applyFrames(EMPTY_TERMINAL, [{ type: "validation", data: told }]).validations).toEqual({ a: told });
  });
  it("tells what spoke against it, the worst first", () => {
    const check = (name: string, outcome: Check["outcome"]): Check => ({ name, outcome, value: "", threshold: "", why: "" });
    const checks = [check("a", "watch"), check("b", "passed"), check("c", "rejected"), check("d", "not measured")];
    expect(reasons(checks).map((one) => one.name)).toEqual(["c", "a"]);
  });
  it("shows progress, and never goes back from an end", () => {
    expect(withNews([backtest("a", "queued")], news("a", "running", 0.456)).map(statusWords)).toEqual(["running, 45%"]);
    expect(withNews([backtest("a", "cancelled")], news("a", "running", 0.4))[0]?.status).toBe("cancelled");
    expect(withNews([backtest("a", "queued")], news("b", "running"))[0]?.status).toBe("queued");
  });
  it("is stale when an end has no figures yet, or something is told that it does not have", () => {
    expect(isStale([backtest("a", "running")], news("a", "running", 0.5))).toBe(false);
    expect(isStale([backtest("a", "running")], news("a", "done", 1))).toBe(true);
    expect(isStale([backtest("a", "done")], news("a", "done", 1))).toBe(false);
    expect(isStale([], news("a", "queued"))).toBe(true);
    expect(isStale([], news("a", "done", 1))).toBe(false); // too old for the list
  });
  it("writes figures in the words of their kind", () => {
    expect(metricText("equity", "187870.0963")).toBe("$187,870.10");
    expect(metricText("total_return", -0.1234)).toBe("−12.34%");
    expect(metricText("cagr", 0.05)).toBe("+5.00%");
    expect(metricText("volatility", 0.2)).toBe("20.00%");
    expect(metricText("max_drawdown", 0)).toBe("0.00%");
    expect(metricText("sharpe", 0.55765)).toBe("0.558");
    expect(metricText("trades", 12345)).toBe("12,345");
    expect(metricText("sharpe", null)).toBe("–");
    expect(parameterWords({ fast: 20, exit_after: 3 })).toBe("fast 20, exit after 3");
    expect(parameterWords({})).toBe("usual values");
  });
  it("makes points that ascend", () => {
    const times = ["2005-01-03T21:00:00.2Z", "2005-01-03T21:00:00.9Z", "2005-01-04T21:00:00Z"];
    expect(points(times, [1, 2, 3])).toEqual([
      { time: 1104786000, value: 2 },
      { time: 1104872400, value: 3 },
    ]);
  });
  it("has an address of its own", () => {
    expect(["", "#", "#backtests", "#other"].map(showingOf)).toEqual(["terminal", "terminal", "backtests", "terminal"]);
  });
});

describe("what sets compared backtests apart", () => {
  it("is told in words: days, money and costs", () => {
    const item = {
      backtest: { parameters: { fast: 10 }, cash: "5000", start: "2004-01-02T00:00:00Z", end: null },
      differs: {
        strategy: "crossing",
        parameters: { fast: 10 },
        cash: "5000",
        start: "2004-01-02T00:00:00Z",
        end: null,
        fee_minimum: null,
        impact: { model: "square_root", volatility: "0.02", limit: null },
        symbols: [],
      },
    } as unknown as Parameters<typeof differences>[0];
    expect(differences(item)).toBe(
      "fast 10; cash $5,000.00; from 2004-01-02; to the last bar; least commission, $ none; " +
        "slippage by size square root 0.02; instruments all",
    );
    expect(differences({ ...item, differs: {} })).toBe("the same");
  });
});
