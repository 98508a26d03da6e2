import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Problem } from "../../src/api/problem";
import type { CorporateAction } from "../../src/api/types";
import { actionLabel, actionMarks, actionsOn, actionWords } from "../../src/charts/actions";
import { ActionsFeed } from "../../src/charts/actionsFeed";
import { chartTime, type Candle } from "../../src/charts/series";

function at(date: string): string {
  return `${date}T21:00:00Z`;
}

const split: CorporateAction = {
  ex_date: "2005-02-28",
  time: at("2005-02-28"),
  kind: "split",
  amount: null,
  new: 2,
  old: 1,
  estimated: false,
};
const dividend: CorporateAction = {
  ...split,
  time: at("2005-02-08"),
  kind: "dividend",
  amount: "0.180000",
  new: 1,
  old: 1,
  estimated: true,
};
const times = ["2005-02-07", "2005-02-08", "2005-02-28"].map((date) => chartTime(at(date)));

describe("the words of an action", () => {
  it("are short on the bar and whole in the legend", () => {
    expect([split, dividend].map(actionLabel)).toEqual(["S 2:1", "D 0.18"]);
    expect([split, dividend].map(actionWords)).toEqual(["Split 2:1", "Dividend 0.18 est."]);
  });
});

describe("marks of actions", () => {
  it("are on their bars in time order, and only within the bars", () => {
    const early = { ...dividend, time: at("2004-11-15") };
    const late = { ...split, time: at("2005-03-01") };
    const marks = actionMarks([late, split, dividend, early], times);
    expect(marks.map((mark) => [mark.time, mark.label])).toEqual([
      [times[1], "D 0.18"],
      [times[2], "S 2:1"],
    ]);
    expect(actionMarks([split], [])).toEqual([]);
  });
  it("belong to one bar", () => expect(actionsOn([split, dividend], times[2] ?? 0)).toEqual([split]));
});

describe("keeping actions fresh", () => {
  const bar = (close: number) => ({ close }) as Candle;
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("asks after a big move, and otherwise once a minute", async () => {
    const fetch = vi.fn(() => Promise.resolve([split]));
    const feed = new ActionsFeed(fetch, () => undefined);
    feed.refresh();
    await vi.advanceTimersByTimeAsync(1000);
    [100, 90, 99].forEach((close) => feed.barCame(bar(close)));
    expect(fetch).toHaveBeenCalledTimes(1);
    feed.barCame(bar(49));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fetch).toHaveBeenCalledTimes(2);
    feed.barCame(bar(50));
    expect(fetch).toHaveBeenCalledTimes(3);
  });
  it("asks once more after what was asked meanwhile", async () => {
    const fetch = vi.fn(() => Promise.resolve([]));
    const feed = new ActionsFeed(fetch, () => undefined);
    [1, 2, 3].forEach(() => feed.refresh());
    await vi.runAllTimersAsync();
    expect(fetch).toHaveBeenCalledTimes(2);
  });
  it("never asks again where the server has no such address", async () => {
    const fetch = vi.fn(() => Promise.reject(new Problem(404, "Not Found", "", "not_found")));
    const feed = new ActionsFeed(fetch, () => undefined);
    feed.refresh();
    await vi.runAllTimersAsync();
    feed.refresh();
    expect(fetch).toHaveBeenCalledTimes(1);
  });
});
