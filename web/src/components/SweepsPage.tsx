import { useCallback, useEffect, useState } from "react";
import type { DataSet, Strategy, Sweep } from "../api/types";
import { isLive } from "../state/backtests";
import { useTerminal, useTerminalState } from "../state/context";
import { words } from "../state/format";
import { useRuns } from "../state/runs";
import { State } from "./BacktestsTable";
import { Empty, Notice, Panel } from "./parts";
import { SweepForm } from "./SweepForm";
import { SweepResult } from "./SweepResult";

const LISTED = 100;

/** "fast 5, 10, 20; slow 40, 80", and of many values the ends. */
function gridWords({ grid, random, tpe }: Sweep): string {
  if (random !== null) return `${random} at random`;
  if (tpe !== null) return `${tpe} by TPE`;
  const parts = Object.entries(grid).map(([name, values]) => {
    const told = values.length > 6 ? `${values[0]} … ${values.at(-1)} (${values.length})` : values.join(", ");
    return `${words(name)} ${told}`;
  });
  return parts.join("; ");
}

interface RowProps {
  sweep: Sweep;
  current: boolean;
  mayCancel: boolean;
  onShow: (id: string) => void;
  onCancel: (id: string) => void;
}

function Row({ sweep, current, mayCancel, onShow, onCancel }: RowProps) {
  return (
    <tr data-testid="sweep-row" data-status={sweep.status} aria-current={current}>
      <th scope="row" className="backtest-name">
        <button type="button" className="link strong" data-testid="sweep-show" onClick={() => onShow(sweep.id)}>
          {sweep.strategy}
        </button>
        <span className="soft"> {gridWords(sweep)}</span>
      </th>
      <td>{sweep.symbols.length === 0 ? sweep.data : sweep.symbols.join(", ")}</td>
      <td>
        <State backtest={sweep} />
      </td>
      <td>{sweep.sets ?? "–"}</td>
      <td className="act">
        {isLive(sweep.status) && mayCancel && (
          <button type="button" className="small" aria-label={`Cancel ${sweep.strategy}`} onClick={() => onCancel(sweep.id)}>
            Cancel
          </button>
        )}
      </td>
    </tr>
  );
}

function Table({ sweeps, ...row }: { sweeps: readonly Sweep[]; shown: string | null } & Omit<RowProps, "sweep" | "current">) {
  if (sweeps.length === 0) return <Empty>No sweep yet. Choose a strategy and the values to try.</Empty>;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Sweeps, scrollable">
      <table className="num" data-testid="sweeps-table">
        <thead>
          <tr>
            <th scope="col">Strategy</th>
            <th scope="col">Instruments</th>
            <th scope="col">State</th>
            <th scope="col">Sets</th>
            <th scope="col">
              <span className="visually-hidden">Cancel</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sweeps.map((sweep) => (
            <Row key={sweep.id} sweep={sweep} current={row.shown === sweep.id} {...row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Sweeps: ask for every combination of some values, follow it, see which did best and whether that is a lone peak. */
export function SweepsPage() {
  const { api } = useTerminal();
  const news = useTerminalState((state) => state.sweeps);
  const role = useTerminalState((state) => state.user?.role);
  const [strategies, setStrategies] = useState<readonly Strategy[] | null>(null);
  const [dataSets, setDataSets] = useState<readonly DataSet[] | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const fetch = useCallback(() => api.sweeps(LISTED), [api]);
  const stop = useCallback((id: string) => api.cancelSweep(id), [api]);
  const { list, fetched, put, failure, fail, cancel } = useRuns<Sweep>(fetch, stop, news);
  useEffect(() => {
    api
      .strategies()
      .then((all) => setStrategies(all.filter((one) => one.sweeps && one.parameters.length > 0)))
      .catch(fail);
    api.dataSets().then(setDataSets).catch(fail);
  }, [api, fail]);

  // The one that is shown is done once its counts are here, not when the news is.
  const one = list.find((sweep) => sweep.id === shown);
  const known = fetched?.find((sweep) => sweep.id === shown);
  const result = one !== undefined && one.status === "done" && known?.status !== "done" ? known : one;

  const submitted = (sweep: Sweep) => {
    put(sweep);
    setShown(sweep.id);
  };
  return (
    <main className="backtests" data-testid="sweeps-page">
      {role !== "viewer" && (
        <Panel title="New sweep" area="backtest-form">
          {strategies === null || dataSets === null ? (
            <p className="empty">Asking what is on offer…</p>
          ) : (
            <SweepForm strategies={strategies} dataSets={dataSets} onSubmitted={submitted} />
          )}
        </Panel>
      )}
      <div className="backtests-side">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        <Panel title="Your sweeps" area="backtest-list" tools={<a href="#backtests">Backtests</a>}>
          <p className="visually-hidden" role="status">
            {one === undefined ? "" : `${one.strategy} is ${one.status}`}
          </p>
          <Table sweeps={list} shown={shown} mayCancel={role !== "viewer"} onShow={setShown} onCancel={cancel} />
        </Panel>
        {result !== undefined && (
          <Panel title="Result" area="backtest-result">
            <SweepResult key={result.id} sweep={result} mayAct={role !== "viewer"} />
          </Panel>
        )}
      </div>
    </main>
  );
}
