import { memo, useMemo, useState } from "react";
import type { Signal, User } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";
import { marketDate, share } from "../state/format";
import { Empty, Panel, Segmented } from "./parts";

type Filter = "all" | "trades";
const SHOWN = 24;

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
        <span className="badge num" title="Probability that the price is higher at the model's horizon">
          {share(signal.probability)}
        </span>
        <span className="soft num signal-date">{marketDate(signal.time)}</span>
        {orderId !== null && (
          <button type="button" className="small" data-testid="signal-why" onClick={() => onWhy(orderId)}>
            Why<span className="visually-hidden"> the {signal.symbol} order of this signal</span>
          </button>
        )}
      </div>
      <p className="signal-summary">{rationale.summary}</p>
    </li>
  );
});

function noSignalsYet(role: User["role"] | undefined): string {
  return role === "trader" || role === "viewer"
    ? "No strategy trades this account. Signals appear when one does."
    : "No signals yet. They come with each bar once a strategy runs: let the clock play.";
}

/** What the strategies last said, with their reasons in words. */
export function SignalsList({ onWhy }: { onWhy: (orderId: string) => void }) {
  const { store } = useTerminal();
  const signals = useTerminalState((state) => state.signals);
  const role = useTerminalState((state) => state.user?.role);
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
          <Empty>{signals.length > 0 ? "No strategy has asked to buy or sell yet." : noSignalsYet(role)}</Empty>
        )}
      </div>
    </Panel>
  );
}
