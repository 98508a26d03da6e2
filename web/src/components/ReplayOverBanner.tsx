import { REPLAY_OVER } from "../state/clock";
import { useTerminalState } from "../state/context";

/** Says calmly that there is nothing left to play, and what to do to play again. */
export function ReplayOverBanner() {
  const ended = useTerminalState((state) => state.clock?.ended ?? false);
  if (!ended) return null;
  return (
    <p className="replay-over" role="status" data-testid="replay-over">
      {REPLAY_OVER}
    </p>
  );
}
