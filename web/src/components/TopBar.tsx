import type { Connection } from "../api/socket";
import { useTerminal, useTerminalState } from "../state/context";
import { conditionOf, progressOf } from "../state/clock";
import { weekday } from "../state/format";
import { useShowing, type Showing } from "../state/showing";
import { Inbox } from "./Inbox";
import { ReplayControls } from "./ReplayControls";
import { ThemeToggle } from "./ThemeToggle";

const CONNECTION_WORDS: Record<Connection, string> = {
  live: "Live",
  connecting: "Connecting",
  waiting: "Reconnecting",
};

function ConnectionState() {
  const connection = useTerminalState((state) => state.connection);
  return (
    <span className="connection" data-state={connection} data-testid="connection-state" role="status">
      <span className="dot" aria-hidden="true" />
      {CONNECTION_WORDS[connection]}
    </span>
  );
}

function SessionClock() {
  const clock = useTerminalState((state) => state.clock);
  if (clock === null) return <div className="clock soft">No market session yet</div>;
  const condition = conditionOf(clock);
  const { done, total } = progressOf(clock);
  return (
    <div className="clock">
      <div className="clock-line">
        <span className="soft">{weekday(clock.date)}</span>
        <time dateTime={clock.date} data-testid="clock-date" className="clock-date num">
          {clock.date}
        </time>
        <span className={`tag ${condition.name}`} data-testid="clock-condition">
          {condition.words}
        </span>
      </div>
      <progress
        max={Math.max(1, total)}
        value={done}
        aria-label={`Session progress: step ${done} of ${total}`}
      />
      <span className="clock-step soft num">
        {done} of {total}
      </span>
    </div>
  );
}

function WhoIsIn() {
  const { session } = useTerminal();
  const user = useTerminalState((state) => state.user);
  return (
    <div className="who">
      {user !== null && (
        <span className="soft who-name" title={user.email}>
          {user.display_name ?? user.email} ({user.role})
        </span>
      )}
      <ThemeToggle />
      <button type="button" className="quiet" data-testid="sign-out" onClick={() => void session.logout()}>
        Sign out
      </button>
    </div>
  );
}

const PAGES: readonly { showing: Showing; words: string; href: string }[] = [
  { showing: "terminal", words: "Trade", href: "#" },
  { showing: "portfolio", words: "Portfolio", href: "#portfolio" },
  { showing: "rebalancing", words: "Rebalance", href: "#rebalancing" },
  { showing: "risk", words: "Risk", href: "#risk" },
  { showing: "alerts", words: "Alerts", href: "#alerts" },
  { showing: "backtests", words: "Backtests", href: "#backtests" },
];

function Pages() {
  const shown = useShowing();
  return (
    <nav className="pages" aria-label="Pages">
      {PAGES.map((page) => (
        <a
          key={page.showing}
          href={page.href}
          aria-current={page.showing === shown || (page.showing === "backtests" && shown === "sweeps") ? "page" : undefined}
          data-testid={`page-${page.showing}`}
        >
          {page.words}
        </a>
      ))}
    </nav>
  );
}

/** Name, pages, session clock, replay controls, connection and the way out. */
export function TopBar() {
  return (
    <header className="topbar">
      <h1 className="brand">traderbot</h1>
      <Pages />
      <SessionClock />
      <ReplayControls />
      <div className="topbar-end">
        <Inbox />
        <ConnectionState />
        <WhoIsIn />
      </div>
    </header>
  );
}
