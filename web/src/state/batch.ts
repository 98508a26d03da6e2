/**
 * Gathers what arrives between two paints, so that a replay at full speed costs one update a paint, and spaces those
 * updates by what drawing one takes: however fast frames come, the page keeps most of its time for the reader.
 */

/** A hidden page paints nothing; then the batch goes out after this long. */
const HIDDEN_PAGE_MS = 250;
/** Rest after an update, as a multiple of what it took; bounded both ways. */
const REST_FACTOR = 2;
const LEAST_REST_MS = 30;
const MOST_REST_MS = 400;

export interface Batch<Item> {
  push(item: Item): void;
  stop(): void;
}

/** Milliseconds to rest after an update that took `cost` milliseconds. */
export function restAfter(cost: number): number {
  return Math.min(MOST_REST_MS, Math.max(LEAST_REST_MS, cost * REST_FACTOR));
}

export function batchByFrame<Item>(deliver: (items: readonly Item[]) => void): Batch<Item> {
  let waiting: Item[] = [];
  let frame: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let resting = false;

  const cancel = (): void => {
    if (frame !== undefined) cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = undefined;
    timer = undefined;
  };
  const schedule = (): void => {
    if (waiting.length === 0 || resting || timer !== undefined) return;
    frame = requestAnimationFrame(flush);
    timer = setTimeout(flush, HIDDEN_PAGE_MS);
  };
  /** Runs after the paint that shows the update, which is when its whole cost is known. */
  const rest = (started: number): void => {
    setTimeout(() => {
      resting = false;
      schedule();
    }, restAfter(performance.now() - started));
  };
  const flush = (): void => {
    cancel();
    const items = waiting;
    waiting = [];
    const started = performance.now();
    resting = true;
    deliver(items);
    setTimeout(rest, 0, started);
  };
  return {
    push(item) {
      waiting.push(item);
      schedule();
    },
    stop() {
      cancel();
      waiting = [];
    },
  };
}
