import { useEffect, useId, useRef, useState } from "react";
import { messageOf } from "../api/problem";
import { useTerminal } from "../state/context";
import { haltSentence } from "../state/format";

interface ConfirmProps {
  halted: string;
  busy: boolean;
  onConfirm: () => void;
  onLeave: () => void;
}

/** The second of the two steps to trade again. */
function ConfirmResume({ halted, busy, onConfirm, onLeave }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="confirm" aria-labelledby={title} onClose={onLeave} data-testid="resume-dialog">
      <h2 id={title}>Resume trading?</h2>
      <p>{haltSentence(halted)} New orders can be placed again, and strategies go on placing theirs.</p>
      <div className="confirm-buttons">
        <button type="button" className="quiet" onClick={onLeave}>
          Stay paused
        </button>
        <button type="button" className="primary" disabled={busy} data-testid="resume-confirm" onClick={onConfirm}>
          Resume trading
        </button>
      </div>
    </dialog>
  );
}

/** Stops the account's trading at once; to go on takes two steps, the second being the dialog's. */
export function HaltSwitch({ halted }: { halted: string | null }) {
  const { api, store } = useTerminal();
  const [busy, setBusy] = useState(false);
  const [code, setCode] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);

  const run = async (step: () => Promise<void>) => {
    setBusy(true);
    setFailure(null);
    try {
      await step();
    } catch (error) {
      setCode(null);
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  const refresh = async () => {
    const portfolio = await api.portfolio();
    store.update((state) => ({ ...state, portfolio }));
  };
  const pause = async () => {
    await api.halt("the account's owner asked for it");
    await refresh();
  };
  const ask = async () => setCode((await api.requestResume()).code);
  const resume = async () => {
    if (code === null) return;
    await api.resumeTrading(code);
    setCode(null);
    await refresh();
  };

  return (
    <div className="halt">
      {failure !== null && (
        <span className="field-error" role="alert">
          {failure}
        </span>
      )}
      <button
        type="button"
        data-testid="halt-toggle"
        data-halted={halted !== null}
        className={halted === null ? "danger" : "primary"}
        disabled={busy}
        onClick={() => void run(halted === null ? pause : ask)}
      >
        {halted === null ? "Pause trading" : "Resume trading…"}
      </button>
      {code !== null && halted !== null && (
        <ConfirmResume
          halted={halted}
          busy={busy}
          onConfirm={() => void run(resume)}
          onLeave={() => setCode(null)}
        />
      )}
    </div>
  );
}
