/** What the page says of the session's clock. */

import type { Clock } from "../api/types";

export const REPLAY_OVER =
  "The replay is over. To play it again, stop traderbot and start it with another home: make run HOME_DIR=var/demo2";

export interface Condition {
  name: "finished" | "jumping" | "paused" | "playing";
  words: string;
}

export function conditionOf(clock: Clock): Condition {
  if (clock.ended) return { name: "finished", words: "finished" };
  if (clock.jump_to) return { name: "jumping", words: `jumping to ${clock.jump_to}` };
  return clock.paused ? { name: "paused", words: "paused" } : { name: "playing", words: "playing" };
}

/** Steps done and to do, counted from the first one this session played. */
export function progressOf(clock: Clock): { done: number; total: number } {
  const first = clock.first_step ?? 0;
  const total = Math.max(0, clock.steps - first);
  return { done: Math.min(total, Math.max(0, clock.step - first + 1)), total };
}
