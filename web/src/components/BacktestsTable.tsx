import type { Backtest, BacktestNews } from "../api/types";
import { isLive, metricText, parameterWords, statusWords } from "../state/backtests";
import { money } from "../state/format";
import { Empty } from "./parts";

interface TableProps {
  backtests: readonly Backtest[];
  shown: string | null;
  chosen: ReadonlySet<string>;
  mayCancel: boolean;
  onShow: (id: string) => void;
  onChoose: (id: string, chosen: boolean) => void;
  onCancel: (id: string) => void;
}

/** How far something is, in words and as a bar. */
export function State({ backtest }: { backtest: BacktestNews & { strategy: string } }) {
  const text = statusWords(backtest);
  return (
    <>
      <span className="badge" data-status={backtest.status}>
        {text}
      </span>
      {backtest.status === "running" && (
        <progress max={1} value={backtest.progress} aria-label={`Progress of ${backtest.strategy}`} />
      )}
    </>
  );
}

function Row({ backtest, ...table }: { backtest: Backtest } & Omit<TableProps, "backtests">) {
  const { id, metrics, status } = backtest;
  const name = `${backtest.strategy}, ${parameterWords(backtest.parameters)}, ${money(backtest.cash)}`;
  const window = [backtest.start, backtest.end].map((time) => (time === null ? "…" : time.slice(0, 10))).join(" to ");
  return (
    <tr data-testid="backtest-row" data-status={status} aria-current={table.shown === id}>
      <td>
        <input
          type="checkbox"
          aria-label={`Compare ${name}`}
          data-testid="backtest-choose"
          disabled={status !== "done"}
          checked={table.chosen.has(id)}
          onChange={(event) => table.onChoose(id, event.target.checked)}
        />
      </td>
      <th scope="row" className="backtest-name">
        <button type="button" className="link strong" aria-label={name} data-testid="backtest-show" onClick={() => table.onShow(id)}>
          {backtest.strategy}
        </button>
        <span className="soft"> {parameterWords(backtest.parameters)}</span>
        <span className="soft"> {money(backtest.cash)}</span>
      </th>
      <td>{backtest.symbols.length === 0 ? backtest.data : backtest.symbols.join(", ")}</td>
      <td>{backtest.start === null && backtest.end === null ? "whole" : window}</td>
      <td>
        <State backtest={backtest} />
      </td>
      <td>{metricText("total_return", metrics?.["total_return"])}</td>
      <td>{metricText("sharpe", metrics?.["sharpe"])}</td>
      <td>{metricText("max_drawdown", metrics?.["max_drawdown"])}</td>
      <td>
        {backtest.verdict === null ? (
          <span className="soft">–</span>
        ) : (
          <span className="badge" data-verdict={backtest.verdict}>
            {backtest.verdict}
          </span>
        )}
      </td>
      <td className="act">
        {isLive(status) && table.mayCancel && (
          <button type="button" className="small" aria-label={`Cancel ${name}`} onClick={() => table.onCancel(id)}>
            Cancel
          </button>
        )}
      </td>
    </tr>
  );
}

/** The user's backtests, newest first. */
export function BacktestsTable({ backtests, ...table }: TableProps) {
  if (backtests.length === 0) return <Empty>No backtest yet. Choose a strategy and run one.</Empty>;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Backtests, scrollable">
      <table className="num" data-testid="backtests-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Compare</span>
            </th>
            <th scope="col">Strategy</th>
            <th scope="col">Instruments</th>
            <th scope="col">Days</th>
            <th scope="col">State</th>
            <th scope="col">Return</th>
            <th scope="col">Sharpe</th>
            <th scope="col">Drawdown</th>
            <th scope="col">Verdict</th>
            <th scope="col">
              <span className="visually-hidden">Cancel</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {backtests.map((backtest) => (
            <Row key={backtest.id} backtest={backtest} {...table} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
