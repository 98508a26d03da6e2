import { useCallback, useEffect, useMemo, useState } from "react";
import { messageOf } from "../api/problem";
import type { Backtest, Strategy } from "../api/types";
import { isStale, withNews } from "../state/backtests";
import { useTerminal, useTerminalState } from "../state/context";
import { BacktestComparison } from "./BacktestComparison";
import { BacktestForm } from "./BacktestForm";
import { BacktestResult } from "./BacktestResult";
import { BacktestsTable } from "./BacktestsTable";
import { Notice, Panel } from "./parts";

const LISTED = 100;

/** Backtests: ask for one, follow it, look at what came out, compare. */
export function BacktestsPage() {
  const { api } = useTerminal();
  const news = useTerminalState((state) => state.backtests);
  const role = useTerminalState((state) => state.user?.role);
  const [strategies, setStrategies] = useState<readonly Strategy[] | null>(null);
  const [fetched, setFetched] = useState<readonly Backtest[] | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [failure, setFailure] = useState<string | null>(null);
  const fail = useCallback((error: unknown) => setFailure(messageOf(error)), []);

  const fetchList = useCallback(() => {
    api.backtests(LISTED).then((page) => setFetched(page.items)).catch(fail);
  }, [api, fail]);
  useEffect(() => {
    api.strategies().then(setStrategies).catch(fail);
    fetchList();
  }, [api, fail, fetchList]);

  const stale = fetched !== null && isStale(fetched, news);
  useEffect(() => {
    if (stale) fetchList();
  }, [stale, news, fetchList]);

  const list = useMemo(() => withNews(fetched ?? [], news), [fetched, news]);
  const compared = list.filter((one) => chosen.has(one.id)).map((one) => one.id);
  const one = list.find((backtest) => backtest.id === shown);

  const submitted = (backtest: Backtest) => {
    setFetched((known) => [backtest, ...(known ?? []).filter((other) => other.id !== backtest.id)]);
    setShown(backtest.id);
    setChosen(new Set());
  };
  const choose = (id: string, add: boolean) => {
    setChosen((known) => new Set(add ? [...known, id] : [...known].filter((other) => other !== id)));
  };
  const cancel = (id: string) => {
    setFailure(null);
    api.cancelBacktest(id).then(fetchList).catch(fail);
  };

  return (
    <main className="backtests" data-testid="backtests-page">
      {role !== "viewer" && (
        <Panel title="New backtest" area="backtest-form">
          {strategies === null ? (
            <p className="empty">Asking what is on offer…</p>
          ) : (
            <BacktestForm strategies={strategies} onSubmitted={submitted} />
          )}
        </Panel>
      )}
      <div className="backtests-side">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        <Panel title="Your backtests" area="backtest-list">
          <p className="visually-hidden" role="status">
            {one === undefined ? "" : `${one.strategy} is ${one.status}`}
          </p>
          <BacktestsTable
            backtests={list}
            shown={shown}
            chosen={chosen}
            mayCancel={role !== "viewer"}
            onShow={(id) => {
              setShown(id);
              setChosen(new Set());
            }}
            onChoose={choose}
            onCancel={cancel}
          />
        </Panel>
        {compared.length >= 2 ? (
          <Panel title="Comparison" area="backtest-result">
            <BacktestComparison ids={compared} />
          </Panel>
        ) : (
          one !== undefined && (
            <Panel title="Result" area="backtest-result">
              <BacktestResult backtest={one} />
            </Panel>
          )
        )}
      </div>
    </main>
  );
}
