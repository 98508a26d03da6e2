import { useCallback, useState } from "react";
import type { Alert } from "../api/alertTypes";
import { messageOf } from "../api/problem";
import { useAnswer } from "../state/answer";
import { useAlerts, useTerminalState } from "../state/context";
import { AlertRoutes } from "./AlertRoutes";
import { AlertRules } from "./AlertRules";
import { Empty, Notice, Panel, Segmented } from "./parts";
import { WaitingLimitsPanel } from "./WaitingLimitsPanel";

type Filter = Alert["state"] | "all";
const FILTERS: readonly { value: Filter; label: string; testId: string }[] = [
  { value: "open", label: "Open", testId: "alerts-open" },
  { value: "acknowledged", label: "Seen", testId: "alerts-acknowledged" },
  { value: "resolved", label: "Over", testId: "alerts-resolved" },
  { value: "all", label: "All", testId: "alerts-all" },
];

function Raised() {
  const api = useAlerts();
  const [filter, setFilter] = useState<Filter>("all");
  const [asked, setAsked] = useState(0);
  const [failure, setFailure] = useState<string | null>(null);
  const { answer, failure: unread, busy } = useAnswer(useCallback(() => (void asked, api.alerts(filter)), [api, asked, filter]));
  const seen = async (id: string) => {
    setFailure(null);
    try {
      await api.acknowledge(id);
    } catch (error) {
      setFailure(messageOf(error));
    }
    setAsked((times) => times + 1);
  };
  return (
    <Panel
      title="Alerts"
      area="alerts"
      busy={busy}
      tools={
        <>
          <Segmented label="Which alerts" value={filter} choices={FILTERS} onChange={setFilter} />
          <button type="button" className="quiet" data-testid="alerts-refresh" onClick={() => setAsked(asked + 1)}>
            Refresh
          </button>
        </>
      }
    >
      <div className="page-body">
        {(failure ?? unread) !== null && <Notice tone="bad">{failure ?? unread}</Notice>}
        {answer !== null && answer.items.length === 0 && <Empty>No alert.</Empty>}
        {answer !== null && answer.items.length > 0 && (
          <ul className="inbox-list" data-testid="alerts">
            {answer.items.map((one) => (
              <li key={one.id} className="inbox-entry" data-severity={one.severity} data-unread={one.state === "open"} data-testid="alert-row" data-state={one.state}>
                <strong>{one.title}</strong>
                <span className="soft">{one.body}</span>
                <span className="soft num">
                  {one.state}, <time dateTime={one.time}>{one.time.slice(0, 10)}</time>
                </span>
                {one.state === "open" && (
                  <button type="button" className="small" data-testid="alert-seen" onClick={() => void seen(one.id)}>
                    I have seen it
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}

/** What was raised, the rules that raise it, and how one is told. */
export function AlertsPage() {
  const role = useTerminalState((state) => state.user?.role);
  return (
    <main className="account-page" data-testid="alerts-page">
      <Raised />
      <AlertRules />
      <AlertRoutes />
      {(role === "owner" || role === "admin") && <WaitingLimitsPanel />}
    </main>
  );
}
