/** Where to take the stream up again after a lost connection, so that no order or signal event is missed. */

import type { Frame } from "./types";

/**
 * The position to send as `after` next time. The head of the journal told on subscribing counts only for the first
 * subscription: on a resumed one the events before it have yet to arrive.
 */
export function resumePosition(seen: number | null, frame: Frame): number | null {
  switch (frame.type) {
    case "subscribed":
      return seen ?? frame.position;
    case "order":
    case "signal":
      return seen === null ? frame.position : Math.max(seen, frame.position);
    default:
      return seen;
  }
}

/** Milliseconds to wait before the next attempt: doubling, at most 15 s, spread so that clients do not come together. */
export function backoff(attempt: number, spread: number): number {
  return Math.round(Math.min(15_000, 500 * 2 ** attempt) * (0.5 + spread / 2));
}
