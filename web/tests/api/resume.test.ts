import { describe, expect, it } from "vitest";
import { backoff, resumePosition } from "../../src/api/resume";
import type { Frame } from "../../src/api/types";

const subscribed = (position: number): Frame => ({ type: "subscribed", channels: ["orders"], position });
const order = (position: number): Frame => ({ type: "order", position, event: "OrderPlaced", order: null, execution: null });

describe("where to resume", () => {
  it("starts at the head told by the first subscription", () => {
    expect(resumePosition(null, subscribed(40))).toBe(40);
  });
  it("does not skip to the head on a resumed subscription", () => {
    expect(resumePosition(40, subscribed(90))).toBe(40);
    expect([order(41), order(57)].reduce(resumePosition, 40 as number | null)).toBe(57);
  });
  it("never goes back, and ignores frames without a place in the journal", () => {
    expect(resumePosition(57, order(41))).toBe(57);
    expect(resumePosition(57, { type: "authenticated" })).toBe(57);
  });
});

describe("waiting between attempts", () => {
  it("doubles up to a ceiling", () => {
    expect([0, 1, 2, 20].map((attempt) => backoff(attempt, 1))).toEqual([500, 1000, 2000, 15000]);
    expect(backoff(2, 0)).toBe(1000);
  });
});
