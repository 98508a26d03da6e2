import { memo, useMemo, useState } from "react";
import type { Signal } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";
import { marketDate, share } from "../state/format";
import { Empty, Panel, Segmented } from "./parts";

type Filter = "all" | "trades";
const SHOWN = 24;
const TOP_REASONS = 3;

interface RowProps {
  signal: Signal;
  onSelect: (symbol: string) => void;
  onWhy: (orderId: string) => void;
}

const SignalRow = memo(function SignalRow({ signal, onSelect, onWhy }: RowProps) {
  const { rationale, order_id: orderId } = signal;
  return (
    <li className="signal" data-testid="signal-row" data-symbol={signal.symbol} data-action={signal.action}>
      <div className="signal-head">
        <span className={`badge action-${signal.action}`}>{signal.action}</span>
        <button type="button" className="link strong" onClick={() => onSelect(signal.symbol)}>
          {signal.symbol}
        </button>
        <span className="num" title="Probability that the price is higher at the model's horizon">
          {share(signal.probability, 1)}
        </span>
        <span className="soft num signal-date">{marketDate(signal.time)}</span>
        {orderId !== null && (
          <button type="button" className="small" data-testid="signal-why" onClick={() => onWhy(orderId)}>
            Why<span className="visually-hidden"> the {signal.symbol} order of this signal</span>
          </button>
        )}
      </div>
      <p className="signal-summary">{rationale.summary}</p>
      <ul className="reasons" aria-label="Strongest reasons">
        {rationale.contributions.slice(0, TOP_REASONS).map((reason) => (
          <li key={reason.feature} className={reason.effect === "raises" ? "up" : "down"}>
            <span aria-hidden="true">{reason.effect === "raises" ? "▲" : "▼"}</span>
            <span className="visually-hidden">{reason.effect}:</span> {reason.label}
          </li>
        ))}
      </ul>
    </li>
  );
});

/** What the strategies last said, with their strongest reasons in words. */
export function SignalsList({ onWhy }: { onWhy: (orderId: string) => void }) {
  const { store } = useTerminal();
  const signals = useTerminalState((state) => state.signals);
  const [filter, setFilter] = useState<Filter>("all");
  const select = (symbol: string) => store.update((state) => ({ ...state, selected: symbol }));
  const listed = useMemo(
    () => signals.filter((signal) => filter === "all" || signal.action !== "hold").slice(0, SHOWN),
    [signals, filter],
  );
  return (
    <Panel
      title="Signals"
      area="signals"
      tools={
        <Segmented<Filter>
          label="Which signals"
          className="compact"
          value={filter}
          choices={[
            { value: "all", label: "All" },
            { value: "trades", label: "Buy or sell" },
          ]}
          onChange={setFilter}
        />
      }
    >
      <div className="scroll" tabIndex={0} role="region" aria-label="Signals, scrollable">
        <ul className="signals" data-testid="signals-list">
          {listed.map((signal) => (
            <SignalRow key={signal.id} signal={signal} onSelect={select} onWhy={onWhy} />
          ))}
        </ul>
        {listed.length === 0 && (
          <Empty>
            {filter === "all"
              ? "No signals yet. They come with each bar once a strategy runs: let the clock play."
              : "No strategy has asked to buy or sell yet."}
          </Empty>
        )}
      </div>
    </Panel>
  );
}
