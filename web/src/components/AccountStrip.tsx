import type { ReactNode } from "react";
import type { Portfolio } from "../api/types";
import { useTerminalState } from "../state/context";
import { subtract, sum } from "../state/decimal";
import { haltSentence, money, percent } from "../state/format";
import { HaltSwitch } from "./HaltSwitch";
import { KillSwitch } from "./KillSwitch";
import { Signed } from "./parts";

function Figure({ name, children, lead = false }: { name: string; children: ReactNode; lead?: boolean }) {
  return (
    <div className={lead ? "figure lead" : "figure"}>
      <dt>{name}</dt>
      <dd className="num">{children}</dd>
    </div>
  );
}

/** The last session's gain or loss over all holdings; null while the server does not know it for all of them. */
function dayChange(portfolio: Portfolio): string | null {
  const changes = portfolio.holdings.map((holding) => holding.day_change).filter((change) => change !== null);
  return changes.length < portfolio.holdings.length ? null : sum(changes);
}

/** What the account is worth, and the switch that stops its trading. */
export function AccountStrip() {
  const portfolio = useTerminalState((state) => state.portfolio);
  if (portfolio === null) return null;
  const day = dayChange(portfolio);
  const total = subtract(portfolio.equity, portfolio.starting_cash);
  return (
    <>
      <section className="strip" aria-label="Account">
        <dl className="figures">
          <Figure name="Equity" lead>
            <span data-testid="equity-value">{money(portfolio.equity)}</span>
          </Figure>
          <Figure name="Day change">
            <Signed value={day} text={money(day, true)} />
          </Figure>
          <Figure name="Total return">
            <Signed value={total} text={`${money(total, true)} (${percent(portfolio.total_return, true)})`} />
          </Figure>
          <Figure name="Cash">{money(portfolio.cash)}</Figure>
          <Figure name="Held for orders">{money(portfolio.held)}</Figure>
          <Figure name="Available">{money(portfolio.available)}</Figure>
          <Figure name="Unrealised">
            <Signed value={portfolio.unrealised_pnl} text={money(portfolio.unrealised_pnl, true)} />
          </Figure>
          <Figure name="Realised">
            <Signed value={portfolio.realised_pnl} text={money(portfolio.realised_pnl, true)} />
          </Figure>
          <Figure name="Fees paid">{money(portfolio.fees)}</Figure>
        </dl>
        <div className="halt">
          <HaltSwitch halted={portfolio.halted} />
          <KillSwitch />
        </div>
      </section>
      {portfolio.halted !== null && (
        <p className="halt-banner" role="status" data-testid="halt-banner">
          {haltSentence(portfolio.halted)}
        </p>
      )}
    </>
  );
}
