/** Which page is shown: the part of the address behind its #, so that a link and the back button work. */

import { useSyncExternalStore } from "react";

const PAGES = ["portfolio", "rebalancing", "risk", "alerts", "backtests", "sweeps"] as const;
export type Showing = "terminal" | (typeof PAGES)[number];

export function showingOf(hash: string): Showing {
  return PAGES.find((page) => hash === `#${page}`) ?? "terminal";
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export function useShowing(): Showing {
  return useSyncExternalStore(subscribe, () => showingOf(window.location.hash));
}
