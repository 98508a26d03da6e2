import { useEffect, useRef, type KeyboardEvent } from "react";
import { PriceChart } from "../charts/PriceChart";
import type { Instrument } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";
import { percent, price } from "../state/format";
import { Empty, Signed } from "./parts";

interface TabProps {
  instrument: Instrument;
  selected: boolean;
  onSelect: (symbol: string) => void;
}

function InstrumentTab({ instrument, selected, onSelect }: TabProps) {
  const quote = useTerminalState((state) => state.quotes[instrument.symbol]);
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${instrument.symbol}`}
      aria-selected={selected}
      aria-controls="price-panel"
      tabIndex={selected ? 0 : -1}
      className="instrument"
      data-testid="instrument-tab"
      data-symbol={instrument.symbol}
      title={instrument.name}
      onClick={() => onSelect(instrument.symbol)}
    >
      <span className="instrument-symbol">{instrument.symbol}</span>
      <span className="num">{price(quote?.close)}</span>
      {quote !== undefined && <Signed value={quote.change} text={percent(quote.change, true)} />}
    </button>
  );
}

/** Scrolls the row of tabs, and only it: the page itself stays where it is. */
function keepInView(row: HTMLElement, tab: HTMLElement): void {
  const left = tab.offsetLeft - row.offsetLeft;
  if (left < row.scrollLeft) row.scrollLeft = left;
  const right = left + tab.offsetWidth;
  if (right > row.scrollLeft + row.clientWidth) row.scrollLeft = right - row.clientWidth;
}

function InstrumentTabs({ instruments, selected }: { instruments: readonly Instrument[]; selected: string | null }) {
  const { store } = useTerminal();
  const list = useRef<HTMLDivElement>(null);
  const select = (symbol: string) => store.update((state) => ({ ...state, selected: symbol }));

  useEffect(() => {
    const tab = list.current?.querySelector<HTMLElement>("[aria-selected=true]");
    if (tab && list.current) keepInView(list.current, tab);
  }, [selected]);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const index = instruments.findIndex((instrument) => instrument.symbol === selected);
    const next = (index + step + instruments.length) % instruments.length;
    const symbol = instruments[next]?.symbol;
    if (symbol === undefined) return;
    select(symbol);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
  };
  return (
    <div className="instruments" role="tablist" aria-label="Instruments" ref={list} onKeyDown={onKeyDown}>
      {instruments.map((instrument) => (
        <InstrumentTab
          key={instrument.symbol}
          instrument={instrument}
          selected={instrument.symbol === selected}
          onSelect={select}
        />
      ))}
    </div>
  );
}

/** Instrument tabs over the chart of the selected one. */
export function MarketPanel() {
  const instruments = useTerminalState((state) => state.instruments);
  const selected = useTerminalState((state) => state.selected);
  const name = instruments.find((instrument) => instrument.symbol === selected)?.name;
  if (instruments.length === 0) {
    return (
      <section className="panel area-market" aria-label="Market">
        <Empty>This market session has no instruments. Load a data set, then start a session with it.</Empty>
      </section>
    );
  }
  return (
    <section className="panel area-market" aria-label="Market">
      <InstrumentTabs instruments={instruments} selected={selected} />
      <div className="price-panel" id="price-panel" role="tabpanel" aria-labelledby={`tab-${selected ?? ""}`}>
        <h2 className="price-title soft">
          {name ?? selected} <span className="faint">daily, raw prices</span>
        </h2>
        {selected !== null && <PriceChart symbol={selected} />}
      </div>
    </section>
  );
}
