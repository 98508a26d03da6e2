import { describe, expect, it } from "vitest";
import type { ParameterRange, Strategy } from "../../src/api/types";
import { backtestErrors, backtestRequest, dataWords, draftFor, rangeWords, symbolsOf } from "../../src/state/backtestForm";

const range = (name: string, kind: string, more: Partial<ParameterRange> = {}): ParameterRange => ({
  name,
  kind,
  preset: null,
  least: null,
  most: null,
  choices: [],
  ...more,
});
const STRATEGY: Strategy = {
  name: "crossing",
  about: "",
  sweeps: false,
  parameters: [
    range("fast", "whole", { preset: 20, least: 2, most: 200 }),
    range("risk", "exact", { preset: "0.5", least: "0.1", most: "1" }),
    range("side", "choice", { preset: "long", choices: ["long", "both"] }),
    range("stop", "flag", { preset: true, choices: [] }),
  ],
};

describe("the form for a backtest", () => {
  it("begins with the usual values and makes the request of them", () => {
    const draft = draftFor(STRATEGY);
    expect(backtestErrors(draft, STRATEGY)).toEqual({});
    expect(backtestRequest(draft, STRATEGY)).toEqual({
      strategy: "crossing",
      parameters: { fast: 20, risk: "0.5", side: "long", stop: true },
      data: "demo",
      symbols: [],
      cash: "100000",
    });
  });
  it("keeps what belongs to no strategy when another is chosen", () => {
    const draft = { ...draftFor(STRATEGY), symbols: "ibm, msft", start: "2005-01-03", end: "2006-01-03" };
    const other = draftFor({ name: "plain", about: "", sweeps: false, parameters: [] }, draft);
    expect(backtestRequest(other, { name: "plain", about: "", sweeps: false, parameters: [] })).toEqual({
      strategy: "plain",
      parameters: {},
      data: "demo",
      symbols: ["IBM", "MSFT"],
      start: "2005-01-03",
      end: "2006-01-03T23:59:59Z",
      cash: "100000",
    });
  });
  it.each([
    [{ parameters: { fast: "1" } }, "parameters.fast", "Give 2 to 200."],
    [{ parameters: { fast: "2.5" } }, "parameters.fast", "Give a whole number."],
    [{ parameters: { risk: "1.1" } }, "parameters.risk", "Give 0.1 to 1."],
    [{ parameters: { risk: "much" } }, "parameters.risk", "Give a number."],
    [{ cash: "0" }, "cash", "Give an amount above 0."],
    [{ start: "2006-01-03", end: "2005-01-03" }, "end", "Give a day after the first."],
  ])("names the field of %o", (changed, field, words) => {
    const known = draftFor(STRATEGY);
    const parameters = { ...known.parameters, ...("parameters" in changed ? changed.parameters : {}) };
    const errors = backtestErrors({ ...known, ...changed, parameters }, STRATEGY);
    expect(errors).toEqual({ [field]: words });
  });
  it("reads symbols however they are parted", () => {
    expect(symbolsOf(" ibm,MSFT  brk.b ,")).toEqual(["IBM", "MSFT", "BRK.B"]);
  });
  it("says a range in words", () => {
    expect(rangeWords(range("a", "whole", { least: 1 }))).toBe("1 or more");
    expect(rangeWords(range("a", "whole", { most: 9 }))).toBe("up to 9");
    expect(rangeWords(range("a", "whole"))).toBe("");
  });
  it("sends the costs that were typed, and those of the impact that was chosen", () => {
    const draft = draftFor(STRATEGY);
    const costs = { ...draft.costs, fee_per_share: "0.005", latency_ms: "250" };
    expect(backtestRequest({ ...draft, costs }, STRATEGY)).toMatchObject({ fee_per_share: "0.005", latency_ms: 250 });
    const sized = backtestRequest({ ...draft, impact: "square_root" }, STRATEGY);
    expect(sized.impact).toEqual({ model: "square_root", volatility: "0.02", coefficient: "1" });
    const wrong = { ...draft, costs: { ...draft.costs, fee_bps: "-1", participation: "0", latency_ms: "1.5", limit: "7" } };
    expect(Object.keys(backtestErrors(wrong, STRATEGY))).toEqual(["fee_bps", "participation", "latency_ms"]);
    expect(Object.keys(backtestErrors({ ...wrong, impact: "volume_share" }, STRATEGY))).toContain("limit");
  });
  it("says what a data set has", () => {
    const data = { name: "demo", calendar: "XNYS", time_frames: ["1d"], symbols: ["IBM"], bars: 9, first: "2000-03-01" };
    expect(dataWords({ ...data, quarantined: 0, last: "2001-03-01" })).toBe("1 instrument, 1d bars, 2000-03-01 to 2001-03-01");
    expect(dataWords({ ...data, quarantined: 23, last: "2001-03-01" })).toContain(", 23 bad rows left out");
  });
});
