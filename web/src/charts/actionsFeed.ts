/** Keeps the splits and dividends of one instrument fresh: asks when one may have happened, and otherwise seldom. */

import { Problem } from "../api/problem";
import type { CorporateAction } from "../api/types";
import type { Candle } from "./series";

const SELDOM_MS = 60_000;
/** A close this far from the one before, as a share of it, may be a split. */
const BIG_MOVE = 0.3;

export class ActionsFeed {
  private asking = false;
  private askAgain = false;
  private ended = false;
  private askedAt = 0;
  private lastClose: number | null = null;
  private readonly fetch: () => Promise<readonly CorporateAction[]>;
  private readonly show: (actions: readonly CorporateAction[]) => void;

  constructor(
    fetch: () => Promise<readonly CorporateAction[]>,
    show: (actions: readonly CorporateAction[]) => void,
  ) {
    this.fetch = fetch;
    this.show = show;
  }

  refresh(): void {
    if (this.ended) return;
    if (this.asking) this.askAgain = true;
    else void this.ask();
  }

  barCame(bar: Candle): void {
    const moved = this.lastClose !== null && Math.abs(bar.close / this.lastClose - 1) > BIG_MOVE;
    this.lastClose = bar.close;
    if (moved || Date.now() - this.askedAt >= SELDOM_MS) this.refresh();
  }

  stop(): void {
    this.ended = true;
  }

  private async ask(): Promise<void> {
    this.asking = true;
    this.askedAt = Date.now();
    try {
      const actions = await this.fetch();
      if (!this.ended) this.show(actions);
    } catch (error) {
      // A server that does not know the address never will.
      if (error instanceof Problem && error.status === 404) this.ended = true;
    }
    this.asking = false;
    if (this.askAgain) {
      this.askAgain = false;
      this.refresh();
    }
  }
}
