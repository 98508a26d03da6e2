import { useCallback, useEffect, useState } from "react";
import { messageOf } from "../api/problem";
import type { Backtest, Sweep, SweepSet } from "../api/types";
import { isLive, metricName, metricText, parameterWords, withNews } from "../state/backtests";
import { useTerminal, useTerminalState } from "../state/context";
import { words } from "../state/format";
import { backtestOf } from "../state/sweepForm";
import { FIGURES, ordered, type Order } from "../state/sweepMap";
import { BacktestResult } from "./BacktestResult";
import { Notice } from "./parts";
import { SweepMap } from "./SweepMap";

const PAGE = 500;
const ROWS = 50;

function textOf(name: string, set: SweepSet): string {
  if (name === "costs") return metricText("fees", set.costs);
  const value = set[name as (typeof FIGURES)[number]];
  return name === "turnover" ? metricText("sharpe", value) : metricText(name, value);
}

interface SetsProps {
  sets: readonly SweepSet[];
  axes: readonly string[];
  best: number | null;
}

/** Every set, best first; a click on a heading orders by it, another turns it round. */
function Sets({ sets, axes, best }: SetsProps) {
  const [order, setOrder] = useState<Order>({ by: "sharpe", descending: true });
  const [shown, setShown] = useState(ROWS);
  const columns = [
    ...axes.map((name) => ({ by: `parameter.${name}`, label: words(name) })),
    ...FIGURES.map((name) => ({ by: name, label: name === "costs" ? "fees" : metricName(name) })),
  ];
  const turn = (by: string) =>
    setOrder((known) => ({ by, descending: known.by === by ? !known.descending : !by.startsWith("parameter.") }));
  const told = (by: string) => (order.by !== by ? "none" : order.descending ? "descending" : "ascending");
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Sets, scrollable">
      <table className="num sweep-sets" data-testid="sweep-sets">
        <thead>
          <tr>
            {columns.map(({ by, label }) => (
              <th scope="col" key={by} aria-sort={told(by)}>
                <button type="button" className="link" data-testid={`sort-${by}`} onClick={() => turn(by)}>
                  {label}
                  {order.by === by && <span aria-hidden="true">{order.descending ? " ▼" : " ▲"}</span>}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ordered(sets, order)
            .slice(0, shown)
            .map((set) => (
              <tr key={set.number} data-testid="sweep-set" data-best={set.number === best}>
                {axes.map((name) => (
                  <td key={name}>{String(set.parameters[name] ?? "")}</td>
                ))}
                {set.error !== null ? (
                  <td colSpan={FIGURES.length}>{set.error}</td>
                ) : (
                  FIGURES.map((name) => <td key={name}>{textOf(name, set)}</td>)
                )}
              </tr>
            ))}
        </tbody>
      </table>
      {shown < sets.length && (
        <button type="button" className="quiet" onClick={() => setShown(shown + 500)}>
          More sets ({sets.length - shown} left)
        </button>
      )}
    </div>
  );
}

/** Plays the best set as a backtest of its own and, once that is done, has it validated, told of all sets. */
function Best({ sweep, set, mayAct }: { sweep: Sweep; set: SweepSet; mayAct: boolean }) {
  const { api } = useTerminal();
  const news = useTerminalState((state) => state.backtests);
  const [fetched, setFetched] = useState<Backtest | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const fail = useCallback((error: unknown) => setFailure(messageOf(error)), []);
  const backtest = fetched === null ? undefined : withNews([fetched], news)[0];
  const ended = fetched !== null && isLive(fetched.status) && backtest !== undefined && !isLive(backtest.status);
  const id = fetched?.id;

  const refetch = useCallback(() => {
    if (id !== undefined) api.backtest(id).then(setFetched).catch(fail);
  }, [api, id, fail]);
  useEffect(() => {
    if (!ended || id === undefined) return;
    const asked = backtest?.status === "done" ? api.validate(id, { quick: false, tried: sweep.sets ?? 0 }) : null;
    Promise.resolve(asked).then(refetch).catch(fail);
  }, [ended, id, backtest?.status, api, sweep.sets, refetch, fail]);

  const ask = () => {
    setFailure(null);
    setBusy(true);
    api
      .submitBacktest(backtestOf(sweep, set), crypto.randomUUID())
      .then(setFetched)
      .catch(fail)
      .finally(() => setBusy(false));
  };
  return (
    <>
      <p className="sweep-best">
        <span>
          Best: {parameterWords(set.parameters)}; Sharpe ratio {metricText("sharpe", set.sharpe)}. The best of many looks
          better than it is.
        </span>
        {mayAct && (
          <button type="button" className="primary" data-testid="validate-best" disabled={busy || fetched !== null} onClick={ask}>
            Validate the best
          </button>
        )}
      </p>
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
      {backtest !== undefined && (
        // Until its figures are fetched it is shown as it was.
        <BacktestResult backtest={ended && fetched !== null ? fetched : backtest} mayAct={mayAct} onVerdict={refetch} />
      )}
    </>
  );
}

/** What came out of a sweep: its best set, the map, and every set. */
export function SweepResult({ sweep, mayAct }: { sweep: Sweep; mayAct: boolean }) {
  const { api } = useTerminal();
  const [sets, setSets] = useState<readonly SweepSet[] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const { id, status } = sweep;

  useEffect(() => {
    let left = false;
    if (status !== "done") return undefined;
    const all = async () => {
      const found: SweepSet[] = [];
      let cursor: string | undefined;
      do {
        const page = await api.sweepSets(id, PAGE, cursor);
        found.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && !left);
      if (!left) setSets(found);
    };
    all().catch((error: unknown) => !left && setFailure(messageOf(error)));
    return () => {
      left = true;
    };
  }, [api, id, status]);

  const drawn = Object.keys(sets?.[0]?.parameters ?? {}).filter((name) => !(name in sweep.parameters));
  const axes = sweep.random === null && sweep.tpe === null ? Object.keys(sweep.grid) : drawn;
  const best = sets?.find((set) => set.number === sweep.best) ?? null;
  const left = [
    sweep.skipped ? `${sweep.skipped} that the strategy does not take left out` : "",
    sweep.failed ? `${sweep.failed} failed` : "",
  ].filter((part) => part !== "");
  return (
    <div className="backtest-result" data-testid="sweep-result">
      <p className="soft">
        {sweep.strategy} on {sweep.data}
        {sweep.sets !== null && `: ${[`${sweep.sets} sets`, ...left].join(", ")}`}
      </p>
      {sweep.error !== null && <Notice tone="bad">{sweep.error}</Notice>}
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
      {status !== "done" && sweep.error === null && <p className="empty">It is {status}.</p>}
      {best !== null && <Best sweep={sweep} set={best} mayAct={mayAct} />}
      {sets !== null && sets.length > 0 && <SweepMap sets={sets} axes={axes} best={best} />}
      {sets !== null && <Sets sets={sets} axes={axes} best={sweep.best} />}
    </div>
  );
}
