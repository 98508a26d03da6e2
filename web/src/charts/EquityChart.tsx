import { useEffect, useRef } from "react";
import { useTerminal, useTerminalState } from "../state/context";
import { money } from "../state/format";
import { useSelected } from "../state/store";
import { themeStore } from "../state/theme";
import { EquityView } from "./equityView";
import { SeriesFollower } from "./follower";
import { equityValue, type EquityValue } from "./series";

const HISTORY = 2000;

/** The equity curve: the closes of the past, then every portfolio frame. */
export function EquityChart() {
  const { api, store } = useTerminal();
  const theme = useSelected(themeStore, (value) => value);
  const startingCash = useTerminalState((state) => state.portfolio?.starting_cash ?? null);
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EquityView | null>(null);

  useEffect(() => {
    if (box.current === null) return;
    const shown = new EquityView(box.current);
    view.current = shown;
    const follower = new SeriesFollower<EquityValue>(
      { latest: async (limit) => (await api.equityHistory(limit)).map(equityValue) },
      shown,
    );
    const push = () => {
      const portfolio = store.get().portfolio;
      if (portfolio !== null) follower.push(equityValue({ time: portfolio.as_of, equity: portfolio.equity }));
    };
    push();
    follower.load(HISTORY).catch(() => undefined);
    let portfolio = store.get().portfolio;
    const unsubscribe = store.subscribe(() => {
      if (store.get().portfolio !== portfolio) push();
      portfolio = store.get().portfolio;
    });
    return () => {
      unsubscribe();
      follower.stop();
      view.current = null;
      shown.dispose();
    };
  }, [api, store]);

  useEffect(() => view.current?.recolour(), [theme]);
  useEffect(() => {
    if (startingCash !== null) view.current?.startFrom(Number(startingCash));
  }, [startingCash]);

  return (
    <div className="chart-box">
      <div ref={box} className="chart" role="img" aria-label="Equity of the account over time" />
      {startingCash !== null && <p className="chart-caption soft num">Line: starting cash {money(startingCash)}</p>}
    </div>
  );
}
