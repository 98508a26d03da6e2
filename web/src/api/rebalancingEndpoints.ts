/** Requests about rebalancing. */

import type { Model, Plan, Proposal, ProposalBrief, Target, Wanted } from "./rebalancingTypes";
import type { Session } from "./session";
import type { Page } from "./types";

export type RebalancingApi = ReturnType<typeof createRebalancingApi>;

const BASE = "/portfolio/rebalancing";

export function createRebalancingApi(session: Session) {
  const get = <T>(path: string) => session.request<T>("GET", BASE + path, {});
  const decide = (id: string, way: "approve" | "reject") =>
    session.request<Proposal>("POST", `${BASE}/proposals/${encodeURIComponent(id)}/${way}`, {});
  return {
    models: () => get<{ items: Model[] }>("/models").then((found) => found.items),
    propose: (target: Target) => session.request<Proposal>("POST", `${BASE}/proposals`, { body: target }),
    proposals: () => get<Page<ProposalBrief>>("/proposals").then((found) => found.items),
    proposal: (id: string) => get<Proposal>(`/proposals/${encodeURIComponent(id)}`),
    approve: (id: string) => decide(id, "approve"),
    reject: (id: string) => decide(id, "reject"),
    /** null where the account has none. */
    plan: () => get<{ plan: Plan | null }>("/plan").then((found) => found.plan),
    setPlan: (terms: { target: Wanted; every: string | null; drift: string | null; automatic: boolean }) =>
      session.request<Plan>("PUT", `${BASE}/plan`, { body: terms }),
    dropPlan: () => session.request<unknown>("DELETE", `${BASE}/plan`, {}),
  };
}
