import { useCallback, useEffect, useState } from "react";
import type { Backtest, DataSet, Strategy } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";
import { useRuns } from "../state/runs";
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
  const [dataSets, setDataSets] = useState<readonly DataSet[] | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const fetch = useCallback(() => api.backtests(LISTED), [api]);
  const stop = useCallback((id: string) => api.cancelBacktest(id), [api]);
  const { list, fetchList, put, failure, fail, cancel } = useRuns<Backtest>(fetch, stop, news);
  useEffect(() => {
    api.strategies().then(setStrategies).catch(fail);
    api.dataSets().then(setDataSets).catch(fail);
  }, [api, fail]);

  const compared = list.filter((one) => chosen.has(one.id)).map((one) => one.id);
  const one = list.find((backtest) => backtest.id === shown);

  const submitted = (backtest: Backtest) => {
    put(backtest);
    setShown(backtest.id);
    setChosen(new Set());
  };
  const choose = (id: string, add: boolean) => {
    setChosen((known) => new Set(add ? [...known, id] : [...known].filter((other) => other !== id)));
  };

  return (
    <main className="backtests" data-testid="backtests-page">
      {role !== "viewer" && (
        <Panel title="New backtest" area="backtest-form">
          {strategies === null || dataSets === null ? (
            <p className="empty">Asking what is on offer…</p>
          ) : (
            <BacktestForm strategies={strategies} dataSets={dataSets} onSubmitted={submitted} />
          )}
        </Panel>
      )}
      <div className="backtests-side">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        <Panel
          title="Your backtests"
          area="backtest-list"
          tools={
            <a href="#sweeps" data-testid="to-sweeps">
              Sweeps
            </a>
          }
        >
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
              <BacktestResult key={one.id} backtest={one} mayAct={role !== "viewer"} onVerdict={fetchList} />
            </Panel>
          )
        )}
      </div>
    </main>
  );
}
