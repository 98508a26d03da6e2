import { useCallback, useState } from "react";
import type { WaitingLimits } from "../api/alertTypes";
import { messageOf } from "../api/problem";
import { looserOf } from "../state/alerts";
import { useAnswer } from "../state/answer";
import { useAlerts } from "../state/context";
import { Empty, Notice, Panel } from "./parts";

/** Looser limits that wait for a second person; for administrators, of whom none approves their own. */
export function WaitingLimitsPanel() {
  const api = useAlerts();
  const [asked, setAsked] = useState(0);
  const [failure, setFailure] = useState<string | null>(null);
  const { answer, failure: unread, busy } = useAnswer(useCallback(() => (void asked, api.waitingLimits()), [api, asked]));
  const decide = async (waiting: WaitingLimits, decision: "approve" | "reject") => {
    setFailure(null);
    try {
      await api.decideLimits(waiting, decision);
    } catch (error) {
      setFailure(messageOf(error));
    }
    setAsked((times) => times + 1);
  };
  return (
    <Panel title="Limits that wait for a second person" area="waiting" busy={busy}>
      <div className="page-body" data-testid="waiting-limits">
        {(failure ?? unread) !== null && <Notice tone="bad">{failure ?? unread}</Notice>}
        {answer !== null && answer.length === 0 && <Empty>Nothing waits.</Empty>}
        {answer?.map((waiting) => (
          <div key={waiting.account_id} data-testid="waiting-row">
            <p>
              Account {waiting.account_id}, asked {new Date(waiting.asked_at).toLocaleString()}:
            </p>
            <ul className="reasons">
              {looserOf(waiting).map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
            <button type="button" className="primary" data-testid="waiting-approve" onClick={() => void decide(waiting, "approve")}>
              Approve
            </button>{" "}
            <button type="button" className="quiet" data-testid="waiting-refuse" onClick={() => void decide(waiting, "reject")}>
              Refuse
            </button>
          </div>
        ))}
      </div>
    </Panel>
  );
}
