import { describe, expect, it } from "vitest";
import type { ParameterRange, Strategy } from "../../src/api/types";
import { backtestErrors, backtestRequest, draftFor, rangeWords, symbolsOf } from "../../src/state/backtestForm";

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
    const other = draftFor({ name: "plain", about: "", parameters: [] }, draft);
    expect(backtestRequest(other, { name: "plain", about: "", parameters: [] })).toEqual({
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
});
