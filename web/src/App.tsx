import { useEffect, useSyncExternalStore } from "react";
import type { Session } from "./api/session";
import { SignIn } from "./components/SignIn";
import { TerminalPage } from "./components/TerminalPage";

/** Sign-in screen or terminal, by the session. */
export function App({ session }: { session: Session }) {
  const state = useSyncExternalStore(session.subscribe, session.current);

  useEffect(() => {
    if (state.kind === "resuming") void session.resume();
  }, [session, state.kind]);

  if (state.kind === "signed-in") return <TerminalPage session={session} />;
  if (state.kind === "resuming") return <p className="splash soft">Taking up your session…</p>;
  return <SignIn session={session} notice={state.notice} />;
}
