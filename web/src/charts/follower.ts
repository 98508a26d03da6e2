/**
 * Follows one series: loads its past, takes live points, and asks again for what the conflated stream left out.
 * Points are daily; a jump of more than one weekday is taken for a gap (a holiday costs one request too many).
 */

import { Problem } from "../api/problem";
import { mergeByTime, weekdaysBetween, type Point } from "./series";

const CATCH_UP_MS = 1200;
/** Points asked for beyond the gap, so that the ends meet. */
const OVERLAP = 5;
/** After a failed request for older points, the next one waits this long. */
const OLDER_RETRY_MS = 10_000;

export interface SeriesView<P extends Point> {
  replace(points: readonly P[]): void;
  append(point: P): void;
}

export interface SeriesSource<P extends Point> {
  /** The latest `limit` points, oldest first. */
  latest(limit: number): Promise<P[]>;
  /** The last `limit` points at or before `time` (seconds); absent when the series has no older part to ask for. */
  before?(time: number, limit: number): Promise<P[]>;
}

export class SeriesFollower<P extends Point> {
  private points: P[] = [];
  private loaded = false;
  private stopped = false;
  private gapStart: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private olderAsked = false;
  private olderTimer: ReturnType<typeof setTimeout> | undefined;
  private pageSize = 0;
  private readonly source: SeriesSource<P>;
  private readonly view: SeriesView<P>;

  constructor(source: SeriesSource<P>, view: SeriesView<P>) {
    this.source = source;
    this.view = view;
  }

  async load(limit: number): Promise<void> {
    const points = await this.source.latest(limit);
    if (this.stopped) return;
    this.loaded = true;
    this.pageSize = limit;
    if (points.length < limit) this.olderAsked = true;
    this.take(points);
  }

  push(point: P): void {
    const last = this.points.at(-1);
    if (!this.loaded || last === undefined) {
      this.points = mergeByTime(this.points, [point]);
      if (this.loaded) this.view.replace(this.points);
      return;
    }
    if (point.time < last.time) return;
    if (weekdaysBetween(last.time, point.time) > 1) this.scheduleCatchUp(last.time);
    if (point.time === last.time) this.points[this.points.length - 1] = point;
    else this.points.push(point);
    this.view.append(point);
  }

  /** Asks for what lies before the first point, once at a time, until there is no more or the server refuses. */
  async older(): Promise<void> {
    const first = this.points[0];
    if (!this.loaded || first === undefined || this.source.before === undefined || this.olderAsked) return;
    this.olderAsked = true;
    try {
      const older = await this.source.before(first.time, this.pageSize);
      if (this.stopped) return;
      if (older.length === this.pageSize && older.some((point) => point.time < first.time)) this.olderAsked = false;
      this.take(older);
    } catch (error) {
      const refused = error instanceof Problem && error.settled;
      if (!refused && !this.stopped) this.retryOlderLater();
    }
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.olderTimer);
  }

  private retryOlderLater(): void {
    this.olderTimer = setTimeout(() => {
      this.olderAsked = false;
    }, OLDER_RETRY_MS);
  }

  private take(points: readonly P[]): void {
    this.points = mergeByTime(this.points, points);
    this.view.replace(this.points);
  }

  private scheduleCatchUp(since: number): void {
    this.gapStart ??= since;
    this.timer ??= setTimeout(() => void this.catchUp(), CATCH_UP_MS);
  }

  private async catchUp(): Promise<void> {
    const since = this.gapStart;
    const last = this.points.at(-1);
    this.gapStart = null;
    if (since !== null && last !== undefined) {
      const missing = weekdaysBetween(since, last.time) + OVERLAP;
      const points = await this.source.latest(missing).catch(() => null);
      if (this.stopped) return;
      if (points !== null) this.take(points);
    }
    this.timer = undefined;
    if (this.gapStart !== null) this.scheduleCatchUp(this.gapStart);
  }
}
