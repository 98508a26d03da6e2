import { useEffect } from "react";
import { useTerminal, useTerminalState } from "../state/context";
import type { Toast } from "../state/terminal";

const SHOWN_MS = 6000;

function ToastCard({ toast }: { toast: Toast }) {
  const { store } = useTerminal();
  useEffect(() => {
    const timer = setTimeout(
      () => store.update((state) => ({ ...state, toasts: state.toasts.filter((other) => other.id !== toast.id) })),
      SHOWN_MS,
    );
    return () => clearTimeout(timer);
  }, [store, toast]);
  return (
    <div className={`toast ${toast.tone}`} data-testid="toast">
      <strong>{toast.title}</strong>
      {toast.detail !== "" && <span className="soft num">{toast.detail}</span>}
    </div>
  );
}

/** News of fills, read out by screen readers, gone by themselves. */
export function Toasts() {
  const toasts = useTerminalState((state) => state.toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} />
      ))}
    </div>
  );
}
