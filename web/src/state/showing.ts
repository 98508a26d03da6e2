/** Which page is shown: the part of the address behind its #, so that a link and the back button work. */

import { useSyncExternalStore } from "react";

export type Showing = "terminal" | "backtests";

export function showingOf(hash: string): Showing {
  return hash === "#backtests" ? "backtests" : "terminal";
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export function useShowing(): Showing {
  return useSyncExternalStore(subscribe, () => showingOf(window.location.hash));
}
