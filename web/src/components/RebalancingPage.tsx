import { useCallback, useEffect, useState } from "react";
import { messageOf } from "../api/problem";
import type { Proposal } from "../api/rebalancingTypes";
import { useAnswer } from "../state/answer";
import { useRebalancing, useTerminalState } from "../state/context";
import { isUnderWay } from "../state/rebalancing";
import { Empty, Notice, Panel } from "./parts";
import { ProposalView } from "./ProposalView";
import { RebalanceForm } from "./RebalanceForm";
import { RebalancePlan } from "./RebalancePlan";

const AGAIN_MS = 1000;

function Proposals({ shown, asked, onOpen }: { shown: string | undefined; asked: number; onOpen: (id: string) => void }) {
  const api = useRebalancing();
  const { answer, failure, busy } = useAnswer(useCallback(() => (void asked, api.proposals()), [api, asked]));
  return (
    <Panel title="Proposals" area="proposals" busy={busy}>
      <div className="page-body">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {answer !== null && answer.length === 0 && <Empty>No proposal yet.</Empty>}
        <ul className="plain-list">
          {(answer ?? []).map((one) => (
            <li key={one.id} data-testid="proposal-row" data-status={one.status}>
              <button type="button" className="small" aria-pressed={one.id === shown} onClick={() => onOpen(one.id)}>
                {one.made_at.slice(0, 16).replace("T", " ")}
              </button>{" "}
              {one.status}
              {one.plan && " by the plan"}
              {one.why !== null && <span className="soft"> {one.why}</span>}
            </li>
          ))}
        </ul>
      </div>
    </Panel>
  );
}

/** From what is held to what should be: a proposal, the decision on it, and a plan. */
export function RebalancingPage() {
  const api = useRebalancing();
  const role = useTerminalState((state) => state.user?.role);
  const [proposal, setProposal] = useState<Proposal | null>(null);
  const [asked, setAsked] = useState(0);
  const [failure, setFailure] = useState<string | null>(null);
  const mayAct = role !== "viewer";
  const show = useCallback(async (request: Promise<Proposal>) => {
    setFailure(null);
    try {
      setProposal(await request);
    } catch (error) {
      setFailure(messageOf(error));
    }
    setAsked((times) => times + 1);
  }, []);
  const following = proposal !== null && isUnderWay(proposal) ? proposal.id : null;
  useEffect(() => {
    if (following === null) return undefined;
    const timer = setInterval(() => void show(api.proposal(following)), AGAIN_MS);
    return () => clearInterval(timer);
  }, [api, following, show]);
  return (
    <main className="account-page" data-testid="rebalancing-page">
      {mayAct && <RebalanceForm onMade={(made) => void show(Promise.resolve(made))} />}
      {proposal !== null && (
        <Panel title="Proposal" area="proposal">
          <ProposalView
            proposal={proposal}
            mayAct={mayAct}
            failure={failure}
            onDecide={(way) => void show(way === "approve" ? api.approve(proposal.id) : api.reject(proposal.id))}
          />
        </Panel>
      )}
      {proposal === null && failure !== null && <Notice tone="bad">{failure}</Notice>}
      <Proposals shown={proposal?.id} asked={asked} onOpen={(id) => void show(api.proposal(id))} />
      <RebalancePlan proposal={proposal} mayAct={mayAct} />
    </main>
  );
}
