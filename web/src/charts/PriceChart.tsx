import { useEffect, useRef, useState } from "react";
import type { BarQuery } from "../api/endpoints";
import { messageOf } from "../api/problem";
import type { CorporateAction, Order } from "../api/types";
import { useTerminal } from "../state/context";
import { count, price } from "../state/format";
import { useSelected } from "../state/store";
import { themeStore } from "../state/theme";
import { actionsOn, actionWords } from "./actions";
import { ActionsFeed } from "./actionsFeed";
import { fillsOf } from "./fills";
import { SeriesFollower } from "./follower";
import { PriceView } from "./priceView";
import { candle, type Candle } from "./series";

const FIRST_BARS = 500;
const PAST_ORDERS = 200;

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

function Legend({ bar, actions }: { bar: Candle | null; actions: readonly CorporateAction[] }) {
  if (bar === null) return null;
  const direction = bar.close >= bar.open ? "up" : "down";
  const parts: [string, string][] = [
    ["O", price(String(bar.open))],
    ["H", price(String(bar.high))],
    ["L", price(String(bar.low))],
    ["C", price(String(bar.close))],
    ["Vol", count(bar.volume)],
  ];
  return (
    <dl className="chart-legend num" data-direction={direction}>
      <div>
        <dt className="visually-hidden">Date</dt>
        <dd className="soft">{dateOf(bar.time)}</dd>
      </div>
      {parts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {actionsOn(actions, bar.time).map((action) => (
        <div key={action.kind} className="chart-action">
          <dt className="visually-hidden">On this day</dt>
          <dd className="soft">{actionWords(action)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Candles and volume of one instrument, growing with the clock, with splits, dividends and the account's own fills on them. */
export function PriceChart({ symbol }: { symbol: string }) {
  const { api, store } = useTerminal();
  const theme = useSelected(themeStore, (value) => value);
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<PriceView | null>(null);
  const nearLeftEnd = useRef<() => void>(() => undefined);
  const [hovered, setHovered] = useState<Candle | null>(null);
  const [last, setLast] = useState<Candle | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [actions, setActions] = useState<readonly CorporateAction[]>([]);

  useEffect(() => {
    if (box.current === null) return;
    const created = new PriceView(box.current, {
      onHover: setHovered,
      onLast: setLast,
      onNearLeftEnd: () => nearLeftEnd.current(),
    });
    view.current = created;
    return () => {
      view.current = null;
      created.dispose();
    };
  }, []);

  useEffect(() => view.current?.recolour(), [theme]);

  useEffect(() => {
    const shown = view.current;
    if (shown === null) return;
    shown.clear();
    setFailure(null);
    setActions([]);
    let past: readonly Order[] = [];
    let stopped = false;
    const corporateActions = new ActionsFeed(
      () => api.corporateActions(symbol),
      (known) => {
        shown.showActions(known);
        setActions(known);
      },
    );
    const bars = async (query: BarQuery) => (await api.bars(symbol, query)).items.map(candle);
    const latest = (limit: number) => {
      corporateActions.refresh();
      return bars({ limit });
    };
    const follower = new SeriesFollower<Candle>(
      { latest, before: (time, limit) => bars({ limit, end: dateOf(time) }) },
      shown,
    );
    nearLeftEnd.current = () => void follower.older();
    const showFills = () => shown.showFills(fillsOf(symbol, past, store.get().fills));

    follower.load(FIRST_BARS).catch((error: unknown) => {
      if (!stopped) setFailure(messageOf(error));
    });
    api
      .orders({ status: "all", symbol, limit: PAST_ORDERS })
      .then((page) => {
        past = page.items;
        if (!stopped) showFills();
      })
      .catch(() => undefined);

    let quote = store.get().quotes[symbol];
    let fills = store.get().fills;
    const unsubscribe = store.subscribe(() => {
      const state = store.get();
      const fresh = state.quotes[symbol];
      if (fresh !== undefined && fresh !== quote) {
        follower.push(candle(fresh));
        corporateActions.barCame(candle(fresh));
      }
      if (state.fills !== fills) showFills();
      quote = fresh;
      fills = state.fills;
    });
    return () => {
      stopped = true;
      unsubscribe();
      follower.stop();
      corporateActions.stop();
    };
  }, [api, store, symbol]);

  return (
    <div className="chart-box">
      <Legend bar={hovered ?? last} actions={actions} />
      {failure !== null && <p className="chart-note notice bad">{failure}</p>}
      {failure === null && last === null && <p className="chart-note soft">No bars yet</p>}
      <div
        ref={box}
        className="chart"
        role="img"
        aria-label={`Daily candles and volume of ${symbol}${last === null ? "" : `, last close ${last.close}`}`}
      />
    </div>
  );
}
