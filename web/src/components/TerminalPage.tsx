import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { createAlertApi } from "../api/alertEndpoints";
import { createApi } from "../api/endpoints";
import { createRebalancingApi } from "../api/rebalancingEndpoints";
import type { Session } from "../api/session";
import { EquityChart } from "../charts/EquityChart";
import { TerminalContext, useTerminalState, type Terminal } from "../state/context";
import { startLive, type LiveFeed } from "../state/live";
import { createStore, useSelected } from "../state/store";
import { EMPTY_TERMINAL } from "../state/terminal";
import { useShowing, type Showing } from "../state/showing";
import { AccountStrip } from "./AccountStrip";
import { AlertsPage } from "./AlertsPage";
import { AssignedStrategies } from "./AssignedStrategies";
import { BacktestsPage } from "./BacktestsPage";
import { MarketPanel } from "./MarketPanel";
import { OrdersTable } from "./OrdersTable";
import { OrderTicket, type TicketPrefill } from "./OrderTicket";
import { Panel } from "./parts";
import { PortfolioPage } from "./PortfolioPage";
import { PositionsTable } from "./PositionsTable";
import { RebalancingPage } from "./RebalancingPage";
import { ReplayOverBanner } from "./ReplayOverBanner";
import { RiskPage } from "./RiskPage";
import { SignalsList } from "./SignalsList";
import { SweepsPage } from "./SweepsPage";
import { Toasts } from "./Toasts";
import { TopBar } from "./TopBar";
import { WhyDrawer } from "./WhyDrawer";

function Workspace() {
  const [whyOrder, setWhyOrder] = useState<string | null>(null);
  const [prefill, setPrefill] = useState<TicketPrefill | null>(null);
  const role = useTerminalState((state) => state.user?.role);
  const closeWhy = useCallback(() => setWhyOrder(null), []);
  return (
    <>
      <main className="workspace">
        <MarketPanel />
        <div className="area-side">
          {role !== "viewer" && (
            <Panel title="Order ticket" area="ticket">
              <OrderTicket prefill={prefill} />
            </Panel>
          )}
          <AssignedStrategies />
          <SignalsList onWhy={setWhyOrder} />
        </div>
        <PositionsTable onClosePosition={setPrefill} />
        <OrdersTable onWhy={setWhyOrder} />
        <Panel title="Equity" area="equity">
          <EquityChart />
        </Panel>
      </main>
      <WhyDrawer orderId={whyOrder} onClose={closeWhy} />
    </>
  );
}

function Shown({ shown }: { shown: Showing }) {
  if (shown === "backtests") return <BacktestsPage />;
  if (shown === "sweeps") return <SweepsPage />;
  if (shown === "portfolio") return <PortfolioPage />;
  if (shown === "rebalancing") return <RebalancingPage />;
  if (shown === "alerts") return <AlertsPage />;
  return shown === "risk" ? <RiskPage /> : <Workspace />;
}

/** The terminal of one signed-in user: builds the store and keeps it live for as long as it is on the page. */
export function TerminalPage({ session }: { session: Session }) {
  const terminal = useMemo<Terminal>(
    () => ({
      session,
      api: createApi(session),
      alerts: createAlertApi(session),
      rebalancing: createRebalancingApi(session),
      store: createStore(EMPTY_TERMINAL),
    }),
    [session],
  );
  const feed = useRef<LiveFeed | null>(null);
  const loaded = useSelected(terminal.store, (state) => state.loaded);
  const shown = useShowing();
  const loadError = useSelected(terminal.store, (state) => state.loadError);

  useEffect(() => {
    const started = startLive(session, terminal.api, terminal.store);
    feed.current = started;
    return started.stop;
  }, [session, terminal]);

  return (
    <TerminalContext value={terminal}>
      <TopBar />
      {loadError !== null && (
        <div className="load-error notice bad" role="alert">
          <span>{loadError}</span>
          <button type="button" onClick={() => feed.current?.reload()}>
            Try again
          </button>
        </div>
      )}
      <ReplayOverBanner />
      {shown === "terminal" && <AccountStrip />}
      {loaded ? <Shown shown={shown} /> : <p className="splash soft">Opening your account…</p>}
      <Toasts />
    </TerminalContext>
  );
}
