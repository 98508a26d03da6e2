import { useEffect, useId, useRef, useState } from "react";
import { messageOf } from "../api/problem";
import type { InboxEntry } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";
import { badge } from "../state/format";

function Entry({ entry }: { entry: InboxEntry }) {
  return (
    <li className="inbox-entry" data-severity={entry.severity} data-unread={entry.read_at === null}>
      <strong>{entry.title}</strong>
      <span className="soft">{entry.body}</span>
      <time className="soft num" dateTime={entry.time}>
        {new Date(entry.time).toLocaleString()}
      </time>
    </li>
  );
}

/** A bell with how much is unread; opened, the newest entries. */
export function Inbox() {
  const { api } = useTerminal();
  const { items, unread } = useTerminalState((state) => state.inbox);
  const [open, setOpen] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const panel = useId();

  useEffect(() => {
    if (!open) return undefined;
    const leave = (event: Event) => {
      const away = event instanceof KeyboardEvent ? event.key === "Escape" : !place.current?.contains(event.target as Node);
      if (away) setOpen(false);
    };
    document.addEventListener("keydown", leave);
    document.addEventListener("pointerdown", leave);
    return () => {
      document.removeEventListener("keydown", leave);
      document.removeEventListener("pointerdown", leave);
    };
  }, [open]);

  const markRead = () => {
    setFailure(null);
    api.markRead().catch((error: unknown) => setFailure(messageOf(error)));
  };
  return (
    <div className="inbox" ref={place}>
      <button
        type="button"
        className="quiet inbox-bell"
        aria-expanded={open}
        aria-controls={panel}
        aria-label={unread === 0 ? "Inbox" : `Inbox, ${unread} unread`}
        data-testid="inbox-bell"
        onClick={() => setOpen(!open)}
      >
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor">
          <path d="M3.5 11.5h9c-1-1-1.2-2.2-1.2-4.2a3.3 3.3 0 0 0-6.6 0c0 2-.2 3.2-1.2 4.2ZM6.8 13.6h2.4" />
        </svg>
        {unread > 0 && (
          <span className="inbox-count num" data-testid="inbox-unread">
            {badge(unread)}
          </span>
        )}
      </button>
      {open && (
        <section id={panel} className="inbox-panel" aria-label="Inbox" data-testid="inbox-panel">
          <header className="panel-head">
            <h2>Inbox</h2>
            <button type="button" className="quiet" disabled={unread === 0} onClick={markRead}>
              Mark all as read
            </button>
          </header>
          {failure !== null && (
            <p className="notice bad" role="alert">
              {failure}
            </p>
          )}
          {items.length === 0 ? (
            <p className="empty">Nothing yet. Orders, fills, halts and alerts are told here.</p>
          ) : (
            <ul className="inbox-list">
              {items.map((entry) => (
                <Entry key={entry.id} entry={entry} />
              ))}
            </ul>
          )}
        </section>
      )}
    </div>
  );
}
