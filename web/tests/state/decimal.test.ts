import { describe, expect, it } from "vitest";
import { add, multiply, negate, ratio, roundTo, signOf, subtract, sum, trimZeros } from "../../src/state/decimal";

describe("exact arithmetic", () => {
  it("adds what floats cannot", () => {
    expect(add("0.1", "0.2")).toBe("0.3");
    expect(add("9007199254740993.000001", "-0.000001")).toBe("9007199254740993.000000");
    expect(sum([])).toBe("0");
  });
  it("subtracts and negates through zero", () => {
    expect(subtract("1", "1.50")).toBe("-0.50");
    expect(negate("0.00")).toBe("0.00");
  });
  it("multiplies with all places", () => {
    expect(multiply("3.000000001", "-2.5")).toBe("-7.5000000025");
  });
  it("knows the sign of every way to write zero", () => {
    expect([signOf("-0.00"), signOf("0.000001"), signOf("-3")]).toEqual([0, 1, -1]);
  });
  it("refuses what is not a plain decimal", () => {
    for (const text of ["", "1e5", "1,000", ".5", "NaN", "+1"]) expect(() => add(text, "0")).toThrow(RangeError);
  });
});

describe("rounding", () => {
  it("rounds half to even, both sides of zero", () => {
    expect(["0.125", "0.135", "-0.125", "2.5"].map((text) => roundTo(text, 2))).toEqual([
      "0.12",
      "0.14",
      "-0.12",
      "2.50",
    ]);
    expect(roundTo("999.999", 2)).toBe("1000.00");
    expect(roundTo("-0.001", 2)).toBe("0.00");
  });
  it("trims zeros but keeps the least places", () => {
    expect([trimZeros("10.500"), trimZeros("10.000"), trimZeros("100"), trimZeros("1.2300", 2)]).toEqual([
      "10.5",
      "10",
      "100",
      "1.23",
    ]);
    expect([trimZeros("5", 2), trimZeros("5.1", 2), trimZeros("5.000", 2)]).toEqual(["5.00", "5.10", "5.00"]);
  });
  it("divides to the asked places", () => {
    expect(ratio("1", "3", 4)).toBe("0.3333");
    expect(ratio("-5", "100.00", 4)).toBe("-0.0500");
    expect(ratio("5", "-100", 2)).toBe("-0.05");
    expect(ratio("1", "0.00", 2)).toBeNull();
  });
});
