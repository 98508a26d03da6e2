import { useEffect, useId, useRef, useState } from "react";
import { messageOf } from "../api/problem";
import type { Flatness } from "../api/types";
import { useTerminal } from "../state/context";

const LOOK_MS = 1000;

/** What is left, in a sentence. */
function leftOf(found: Flatness): string {
  if (found.flat) return "The account is flat: it holds nothing and has no open order.";
  const held = found.positions.map((position) => `${position.qty} ${position.symbol}`).join(", ");
  const orders = `${found.open_orders} open ${found.open_orders === 1 ? "order" : "orders"}`;
  return held === "" ? `${orders} left.` : `Still held: ${held}. ${orders} at work.`;
}

/** Stops the account, cancels its orders and closes what it holds; then says when it is flat. */
export function KillSwitch() {
  const { api, store } = useTerminal();
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const [busy, setBusy] = useState(false);
  const [left, setLeft] = useState<Flatness | null>(null);
  const [refused, setRefused] = useState<string[]>([]);
  const [failure, setFailure] = useState<string | null>(null);

  useEffect(() => {
    if (left === null || left.flat) return;
    const timer = setTimeout(() => {
      api.flatness().then(setLeft, (error: unknown) => setFailure(messageOf(error)));
    }, LOOK_MS);
    return () => clearTimeout(timer);
  }, [api, left]);

  const close = async () => {
    setBusy(true);
    setFailure(null);
    try {
      const found = await api.kill("the account's owner closed everything");
      setRefused(found.refused.map((one) => one.detail));
      setLeft(found);
      const portfolio = await api.portfolio();
      store.update((state) => ({ ...state, portfolio }));
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  const leave = () => {
    setLeft(null);
    setRefused([]);
    setFailure(null);
  };

  return (
    <>
      <button type="button" className="danger" data-testid="kill-open" onClick={() => dialog.current?.showModal()}>
        Close everything…
      </button>
      <dialog ref={dialog} className="confirm" aria-labelledby={title} onClose={leave} data-testid="kill-dialog">
        <h2 id={title}>Close everything?</h2>
        <p>
          Trading is paused, open orders are cancelled, and what the account holds is closed at the market by the next
          bars.
        </p>
        {left !== null && (
          <p role="status" data-testid="kill-left" data-flat={left.flat}>
            {leftOf(left)}
          </p>
        )}
        {[...refused, ...(failure === null ? [] : [failure])].map((text) => (
          <p key={text} className="field-error" role="alert">
            {text}
          </p>
        ))}
        <div className="confirm-buttons">
          <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
            {left === null ? "Leave it" : "Done"}
          </button>
          <button
            type="button"
            className="danger"
            disabled={busy || left?.flat === true}
            data-testid="kill-confirm"
            onClick={() => void close()}
          >
            {left === null ? "Close everything" : "Ask again"}
          </button>
        </div>
      </dialog>
    </>
  );
}
