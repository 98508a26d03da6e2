import { useCallback, useEffect, useMemo, useState } from "react";
import { messageOf } from "../api/problem";
import type { BacktestNews } from "../api/types";
import { isStale, withNews } from "./backtests";

export interface Runs<Run> {
  /** With the news in it. */
  list: readonly Run[];
  /** As it was fetched; null before. */
  fetched: readonly Run[] | null;
  fetchList: () => void;
  /** Puts one that was just asked for first. */
  put: (run: Run) => void;
  failure: string | null;
  fail: (error: unknown) => void;
  cancel: (id: string) => void;
}

/** A user's runs, fetched again whenever the news says more than the list. `fetch` and `stop` have to be stable. */
export function useRuns<Run extends BacktestNews>(
  fetch: () => Promise<{ items: readonly Run[] }>,
  stop: (id: string) => Promise<unknown>,
  news: Readonly<Record<string, BacktestNews>>,
): Runs<Run> {
  const [fetched, setFetched] = useState<readonly Run[] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const fail = useCallback((error: unknown) => setFailure(messageOf(error)), []);
  const fetchList = useCallback(() => {
    fetch().then((page) => setFetched(page.items)).catch(fail);
  }, [fetch, fail]);
  useEffect(fetchList, [fetchList]);

  const stale = fetched !== null && isStale(fetched, news);
  useEffect(() => {
    if (stale) fetchList();
  }, [stale, news, fetchList]);

  const list = useMemo(() => withNews(fetched ?? [], news), [fetched, news]);
  const put = (run: Run) => setFetched((known) => [run, ...(known ?? []).filter((other) => other.id !== run.id)]);
  const cancel = (id: string) => {
    setFailure(null);
    stop(id).then(fetchList).catch(fail);
  };
  return { list, fetched, fetchList, put, failure, fail, cancel };
}
