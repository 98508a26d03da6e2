import { useCallback, useState } from "react";
import { messageOf } from "../api/problem";
import type { Period, Proposal } from "../api/rebalancingTypes";
import { useAnswer } from "../state/answer";
import { useRebalancing } from "../state/context";
import { fractionOf, planSentence } from "../state/rebalancing";
import { Amount, Choice, Empty, Notice, Panel } from "./parts";

const WHEN = ["never", "day", "week", "month", "quarter", "year"] as const;
const WHEN_WORDS: Record<(typeof WHEN)[number], string> = {
  never: "only by drift",
  day: "each day",
  week: "each week",
  month: "each month",
  quarter: "each quarter",
  year: "each year",
};

/** What is done again and again: the plan, dropped or made of the proposal that is shown. */
export function RebalancePlan({ proposal, mayAct }: { proposal: Proposal | null; mayAct: boolean }) {
  const api = useRebalancing();
  const [asked, setAsked] = useState(0);
  const [every, setEvery] = useState<(typeof WHEN)[number]>("month");
  const [drift, setDrift] = useState("");
  const [automatic, setAutomatic] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const { answer: plan, failure: unread, busy } = useAnswer(useCallback(() => (void asked, api.plan()), [api, asked]));
  const share = drift === "" ? null : fractionOf(drift);
  const fault = drift !== "" && share === null ? "a percentage from 0 to 100" : undefined;
  const change = async (request: Promise<unknown>) => {
    setFailure(null);
    try {
      await request;
    } catch (error) {
      setFailure(messageOf(error));
    }
    setAsked((times) => times + 1);
  };
  const set = (of: Proposal) => {
    const period: Period | null = every === "never" ? null : every;
    void change(api.setPlan({ target: of.wanted, every: period, drift: share, automatic }));
  };
  return (
    <Panel title="Plan" area="plan" busy={busy}>
      <div className="page-body">
        {(failure ?? unread) !== null && <Notice tone="bad">{failure ?? unread}</Notice>}
        {plan === null ? <Empty>No plan: nothing is rebalanced by itself.</Empty> : <p data-testid="plan">{planSentence(plan)}</p>}
        {mayAct && plan !== null && (
          <div className="page-tools">
            <button type="button" data-testid="plan-drop" onClick={() => void change(api.dropPlan())}>
              Drop the plan
            </button>
          </div>
        )}
        {mayAct && proposal !== null && (
          <div className="inline-fields">
            <Choice label="Propose this again" testId="plan-every" value={every} error={undefined} choices={WHEN} words={WHEN_WORDS} onChange={setEvery} />
            <Amount label="And where a weight is off by, %" testId="plan-drift" placeholder="any" value={drift} error={fault} onChange={setDrift} />
            <label className="tick">
              <input type="checkbox" data-testid="plan-automatic" checked={automatic} onChange={(event) => setAutomatic(event.target.checked)} /> Trade it
              without asking
            </label>
            <button type="button" data-testid="plan-set" disabled={fault !== undefined} onClick={() => set(proposal)}>
              Make it the plan
            </button>
          </div>
        )}
      </div>
    </Panel>
  );
}
