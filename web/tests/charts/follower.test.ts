import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Problem } from "../../src/api/problem";
import { SeriesFollower } from "../../src/charts/follower";
import { chartTime } from "../../src/charts/series";

const day = (date: string) => ({ time: chartTime(`2005-01-${date}T21:00:00Z`) });
const WEEK = ["03", "04", "05", "06", "07"].map(day);

function scene(known: number) {
  let drawn: number[] = [];
  const asked: number[] = [];
  let past = WEEK.slice(0, known);
  const follower = new SeriesFollower(
    {
      latest: (limit) => {
        asked.push(limit);
        return Promise.resolve(past);
      },
    },
    {
      replace: (points) => {
        drawn = points.map((point) => point.time);
      },
      append: (point) => {
        drawn = [...drawn.filter((time) => time !== point.time), point.time];
      },
    },
  );
  return { follower, asked, drawn: () => drawn, learn: (count: number) => (past = WEEK.slice(0, count)) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("following a series", () => {
  it("keeps points that came while the past was loading", async () => {
    const { follower, drawn } = scene(1);
    const loading = follower.load(500);
    follower.push(day("04"));
    await loading;
    expect(drawn()).toEqual([day("03").time, day("04").time]);
  });
  it("appends the next point without asking", async () => {
    const { follower, asked, drawn } = scene(1);
    await follower.load(500);
    follower.push(day("04"));
    await vi.runAllTimersAsync();
    expect(drawn()).toHaveLength(2);
    expect(asked).toEqual([500]);
  });
  it("asks once for what a jump left out", async () => {
    const { follower, asked, drawn, learn } = scene(1);
    await follower.load(500);
    follower.push(day("05"));
    follower.push(day("07"));
    learn(5);
    await vi.runAllTimersAsync();
    expect(asked).toEqual([500, 4 + 5]);
    expect(drawn()).toEqual(WEEK.map((point) => point.time));
  });
  it("ignores a point from before and is silent once stopped", async () => {
    const { follower, asked, drawn } = scene(3);
    await follower.load(500);
    follower.push(day("03"));
    expect(drawn()).toHaveLength(3);
    follower.push(day("07"));
    follower.stop();
    await vi.runAllTimersAsync();
    expect(asked).toEqual([500]);
  });
});

describe("asking for older points", () => {
  const PAGE = 2;
  async function following(before: () => Promise<{ time: number }[]>, known = WEEK.slice(3)) {
    const asked = vi.fn(before);
    const follower = new SeriesFollower(
      { latest: () => Promise.resolve(known), before: asked },
      { replace: () => undefined, append: () => undefined },
    );
    await follower.load(PAGE);
    return { follower, asked };
  }

  it("goes on while whole pages come, and stops at a short one", async () => {
    const pages = [WEEK.slice(2, 4), WEEK.slice(0, 1)];
    const { follower, asked } = await following(() => Promise.resolve(pages.shift() ?? []));
    for (let times = 0; times < 4; times += 1) await follower.older();
    expect(asked).toHaveBeenCalledTimes(2);
  });
  it("does not ask when the first answer was short", async () => {
    const { follower, asked } = await following(() => Promise.resolve([]), WEEK.slice(4));
    await follower.older();
    expect(asked).not.toHaveBeenCalled();
  });
  it("never asks again after a refusal", async () => {
    const { follower, asked } = await following(() => Promise.reject(new Problem(400, "Bad", "", "invalid_value")));
    await follower.older();
    await vi.advanceTimersByTimeAsync(60_000);
    await follower.older();
    expect(asked).toHaveBeenCalledTimes(1);
  });
  it("waits before it asks again when no answer came", async () => {
    const { follower, asked } = await following(() => Promise.reject(new Problem(0, "No answer", "", "offline")));
    await follower.older();
    await follower.older();
    expect(asked).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(10_000);
    await follower.older();
    expect(asked).toHaveBeenCalledTimes(2);
  });
});
