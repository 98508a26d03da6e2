import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { batchByFrame, restAfter } from "../../src/state/batch";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (paint: () => void) => setTimeout(paint, 16));
  vi.stubGlobal("cancelAnimationFrame", (id: number) => clearTimeout(id));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("batching by paint", () => {
  it("delivers everything once, in order, and what comes later after a rest", async () => {
    const delivered: number[][] = [];
    const batch = batchByFrame<number>((items) => delivered.push([...items]));
    [1, 2, 3].forEach((item) => batch.push(item));
    expect(delivered).toEqual([]);
    await vi.advanceTimersByTimeAsync(17);
    batch.push(4);
    batch.push(5);
    await vi.advanceTimersByTimeAsync(20);
    expect(delivered).toEqual([[1, 2, 3]]);
    await vi.advanceTimersByTimeAsync(500);
    expect(delivered).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });
  it("delivers on a page that is not painted", async () => {
    vi.stubGlobal("requestAnimationFrame", () => 0);
    const delivered: number[] = [];
    batchByFrame<number>((items) => delivered.push(...items)).push(1);
    await vi.advanceTimersByTimeAsync(300);
    expect(delivered).toEqual([1]);
  });
  it("drops what waits when stopped", async () => {
    const delivered: number[] = [];
    const batch = batchByFrame<number>((items) => delivered.push(...items));
    batch.push(1);
    batch.stop();
    await vi.advanceTimersByTimeAsync(500);
    expect(delivered).toEqual([]);
  });
  it("rests in proportion to the cost, within bounds", () => {
    expect([restAfter(1), restAfter(50), restAfter(1000)]).toEqual([30, 100, 400]);
  });
});
