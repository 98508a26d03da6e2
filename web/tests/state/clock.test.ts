import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/api/types";
import { conditionOf, progressOf } from "../../src/state/clock";

const clock = { paused: false, ended: false, step: 1215, steps: 3270, first_step: 1215, jump_to: null } as Clock;

describe("the clock's condition", () => {
  it("is playing, paused, jumping or finished", () => {
    const changes: Partial<Clock>[] = [{}, { paused: true }, { paused: true, jump_to: "2007-01-03" }, { ended: true }];
    expect(changes.map((change) => conditionOf({ ...clock, ...change }).words)).toEqual([
      "playing",
      "paused",
      "jumping to 2007-01-03",
      "finished",
    ]);
  });
});

describe("progress", () => {
  it("counts from the session's first step", () => {
    expect(progressOf(clock)).toEqual({ done: 1, total: 2055 });
    expect(progressOf({ ...clock, step: 3269 })).toEqual({ done: 2055, total: 2055 });
  });
  it("is nothing before the first step, and counts from 0 when the server does not tell", () => {
    expect(progressOf({ ...clock, step: -1 }).done).toBe(0);
    const { first_step: _, ...older } = clock;
    expect(progressOf(older)).toEqual({ done: 1216, total: 3270 });
  });
});
