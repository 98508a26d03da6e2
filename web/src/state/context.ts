/** What every component of the terminal may reach: the store, the calls and the session. */

import { createContext, useContext } from "react";
import type { AlertApi } from "../api/alertEndpoints";
import type { Api } from "../api/endpoints";
import type { RebalancingApi } from "../api/rebalancingEndpoints";
import type { Session } from "../api/session";
import { useSelected, type Store } from "./store";
import type { TerminalState } from "./terminal";

export interface Terminal {
  api: Api;
  alerts: AlertApi;
  rebalancing: RebalancingApi;
  session: Session;
  store: Store<TerminalState>;
}

export const TerminalContext = createContext<Terminal | null>(null);

export function useTerminal(): Terminal {
  const terminal = useContext(TerminalContext);
  if (terminal === null) throw new Error("useTerminal outside of TerminalContext");
  return terminal;
}

/** The calls about alerts. */
export function useAlerts(): AlertApi {
  return useTerminal().alerts;
}

/** The calls about rebalancing. */
export function useRebalancing(): RebalancingApi {
  return useTerminal().rebalancing;
}

export function useTerminalState<Part>(select: (state: TerminalState) => Part): Part {
  return useSelected(useTerminal().store, select);
}
