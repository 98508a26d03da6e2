import { useEffect, useMemo, useState } from "react";
import { messageOf } from "../api/problem";
import type { Backtest, BacktestCurve, BacktestTrade, Page } from "../api/types";
import { metricName, metricText, parameterWords, points } from "../state/backtests";
import { useTerminal } from "../state/context";
import { marketTime, money, price, quantity, words } from "../state/format";
import { BacktestVerdict } from "./BacktestVerdict";
import { CourseChart } from "./CourseChart";
import { FileButtons } from "./FileButtons";
import { Notice, Signed } from "./parts";

const TRADES = 100;
const FILES = [
  { format: "html", label: "Save report", name: "report.html" },
  { format: "json", label: "Save JSON", name: "result.json" },
  { format: "csv", label: "Save trades", name: "trades.csv" },
] as const;

function Metrics({ backtest }: { backtest: Backtest }) {
  const rows = Object.entries(backtest.metrics ?? {});
  return (
    <dl className="num metrics" data-testid="backtest-metrics" aria-label="Figures">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{metricName(name)}</dt>
          <dd>{metricText(name, value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Trades({ first, onMore }: { first: Page<BacktestTrade>; onMore: () => void }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Trades, scrollable">
      <table className="num" data-testid="backtest-trades">
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            <th scope="col">Side</th>
            <th scope="col">Quantity</th>
            <th scope="col">Largest</th>
            <th scope="col">Net</th>
            <th scope="col">In</th>
            <th scope="col">At</th>
            <th scope="col">Out</th>
            <th scope="col">At</th>
          </tr>
        </thead>
        <tbody>
          {first.items.map((trade) => (
            <tr key={`${trade.symbol} ${trade.entry_at}`} data-testid="backtest-trade">
              <th scope="row">{trade.symbol}</th>
              <td>{trade.side}</td>
              <td>{quantity(trade.qty)}</td>
              <td>{trade.largest === null ? "–" : quantity(trade.largest)}</td>
              <td>
                <Signed value={trade.net} text={money(trade.net, true)} />
              </td>
              <td>{marketTime(trade.entry_at)}</td>
              <td>{price(trade.entry_price)}</td>
              <td>{trade.exit_at === null ? "open" : marketTime(trade.exit_at)}</td>
              <td>{price(trade.exit_price)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {first.next_cursor !== null && (
        <button type="button" className="quiet" onClick={onMore}>
          More trades
        </button>
      )}
    </div>
  );
}

function Curve({ backtest, curve }: { backtest: Backtest; curve: BacktestCurve }) {
  const courses = useMemo(
    () => [
      { name: "Equity", points: points(curve.times, curve.equity) },
      { name: "Drawdown", points: points(curve.times, curve.drawdown), below: true },
    ],
    [curve],
  );
  const { metrics } = backtest;
  const label =
    `Equity, and drawdown below it: from ${money(backtest.cash)} to ${metricText("equity", metrics?.["equity"])}, ` +
    `deepest drawdown ${metricText("max_drawdown", metrics?.["max_drawdown"])}`;
  return <CourseChart courses={courses} label={label} />;
}

function Assumptions({ assumptions }: { assumptions: Backtest["assumptions"] }) {
  return (
    <details className="assumptions">
      <summary>Assumptions</summary>
      <dl>
        {Object.entries(assumptions).map(([name, text]) => (
          <div key={name}>
            <dt>{words(name)}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

interface ResultProps {
  backtest: Backtest;
  mayAct: boolean;
  onVerdict: () => void;
}

/** What came out of one backtest: its course, verdict, figures and trades. */
export function BacktestResult({ backtest, mayAct, onVerdict }: ResultProps) {
  const { api } = useTerminal();
  const [curve, setCurve] = useState<BacktestCurve | null>(null);
  const [trades, setTrades] = useState<Page<BacktestTrade> | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const { id, status } = backtest;

  useEffect(() => {
    let left = false;
    setCurve(null);
    setTrades(null);
    setFailure(null);
    if (status !== "done") return undefined;
    Promise.all([api.backtestCurve(id), api.backtestTrades(id, TRADES)])
      .then(([itsCurve, itsTrades]) => {
        if (left) return;
        setCurve(itsCurve);
        setTrades(itsTrades);
      })
      .catch((error: unknown) => {
        if (!left) setFailure(messageOf(error));
      });
    return () => {
      left = true;
    };
  }, [api, id, status]);

  const more = () => {
    if (trades === null || trades.next_cursor === null) return;
    api
      .backtestTrades(id, TRADES, trades.next_cursor)
      .then((next) => setTrades({ items: [...trades.items, ...next.items], next_cursor: next.next_cursor }))
      .catch((error: unknown) => setFailure(messageOf(error)));
  };

  return (
    <div className="backtest-result" data-testid="backtest-result">
      <div className="result-head">
        <p className="soft">
          {backtest.strategy}, {parameterWords(backtest.parameters)}, on {backtest.data}
        </p>
        {status === "done" && <FileButtons fetchFile={(format) => api.backtestFile(id, format)} files={FILES} />}
      </div>
      {backtest.error !== null && <Notice tone="bad">{backtest.error}</Notice>}
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
      {status !== "done" && backtest.error === null && <p className="empty">It is {status}.</p>}
      {curve !== null && <Curve backtest={backtest} curve={curve} />}
      {status === "done" && <BacktestVerdict backtest={backtest} mayAct={mayAct} onVerdict={onVerdict} />}
      {status === "done" && <Assumptions assumptions={backtest.assumptions} />}
      {status === "done" && (
        <div className="backtest-tables">
          <Metrics backtest={backtest} />
          {trades !== null && <Trades first={trades} onMore={more} />}
        </div>
      )}
    </div>
  );
}
