import { useState, type FormEvent } from "react";
import { messageOf } from "../api/problem";
import type { Clock, ClockChange } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";

const SPEEDS: readonly number[] = [0.5, 1, 2, 5, 20, 0];

function speedName(speed: number): string {
  return speed === 0 ? "max" : `${speed}×`;
}

interface JumpProps {
  clock: Clock;
  busy: boolean;
  onJump: (date: string) => void;
}

function JumpForm({ clock, busy, onJump }: JumpProps) {
  const [date, setDate] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (date !== "") onJump(date);
  };
  return (
    <form className="jump" onSubmit={submit} noValidate>
      <input
        type="date"
        aria-label="Jump forward to a market date"
        data-testid="replay-jump"
        min={clock.date}
        max={clock.end.slice(0, 10)}
        value={date}
        onChange={(event) => setDate(event.target.value)}
      />
      <button type="submit" data-testid="replay-jump-submit" disabled={busy || date === "" || clock.ended}>
        Jump
      </button>
    </form>
  );
}

function Controls({ clock }: { clock: Clock }) {
  const { api, store } = useTerminal();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  const change = async (wanted: ClockChange) => {
    setBusy(true);
    setFailure(null);
    try {
      const changed = await api.changeClock(wanted);
      store.update((state) => ({ ...state, clock: changed }));
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  const speeds = SPEEDS.includes(clock.speed) ? SPEEDS : [clock.speed, ...SPEEDS];

  return (
    <div className="replay" role="group" aria-label="Replay">
      <button
        type="button"
        data-testid="replay-toggle"
        className="play"
        disabled={busy || clock.ended}
        aria-label={clock.paused ? "Play the replay" : "Pause the replay"}
        onClick={() => void change({ paused: !clock.paused })}
      >
        {clock.paused ? "▶ Play" : "❚❚ Pause"}
      </button>
      <select
        data-testid="replay-speed"
        aria-label="Speed in bars a second"
        title="Bars a second"
        value={String(clock.speed)}
        disabled={busy}
        onChange={(event) => void change({ speed: Number(event.target.value) })}
      >
        {speeds.map((speed) => (
          <option key={speed} value={String(speed)}>
            {speedName(speed)}
          </option>
        ))}
      </select>
      <JumpForm clock={clock} busy={busy} onJump={(date) => void change({ jump_to: date })} />
      {failure !== null && (
        <span className="replay-error" role="alert">
          {failure}
          <button type="button" className="link" aria-label="Dismiss" onClick={() => setFailure(null)}>
            ×
          </button>
        </span>
      )}
    </div>
  );
}

/** Play, speed and jump; only an administrator may turn the clock that everybody shares. */
export function ReplayControls() {
  const clock = useTerminalState((state) => state.clock);
  const role = useTerminalState((state) => state.user?.role);
  if (clock === null || (role !== "owner" && role !== "admin")) return null;
  return <Controls clock={clock} />;
}
