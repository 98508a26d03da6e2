import type { Frontier } from "../api/rebalancingTypes";
import { share } from "../state/format";
import { plotOf, type Place } from "../state/rebalancing";

function Mark({ at, name }: { at: Place; name: string }) {
  return (
    <>
      <span className={`frontier-mark ${name}`} style={{ left: `${at.x}%`, top: `${at.y}%` }} />
      <span className="frontier-name" data-side={at.x > 70 ? "left" : "right"} style={{ left: `${at.x}%`, top: `${at.y}%` }}>
        {name}
      </span>
    </>
  );
}

/** The efficient frontier with where the account is and where it would be. */
export function FrontierChart({ frontier }: { frontier: Frontier }) {
  const plot = plotOf(frontier);
  const told = (name: string, point: { volatility: number; expected: number }) =>
    `${name}: ${share(point.expected)} expected at ${share(point.volatility)} volatility a year`;
  return (
    <figure className="frontier" data-testid="frontier">
      <figcaption className="soft">
        Efficient frontier, of a year. {told("Before", frontier.before)}. {told("After", frontier.after)}.
      </figcaption>
      <div className="frontier-box" aria-hidden="true">
        <svg viewBox="0 0 100 100" preserveAspectRatio="none">
          <polyline points={plot.line.map((one) => `${one.x.toFixed(2)},${one.y.toFixed(2)}`).join(" ")} />
        </svg>
        <Mark at={plot.before} name="before" />
        <Mark at={plot.after} name="after" />
        <span className="frontier-end top">{share(plot.expected[1])}</span>
        <span className="frontier-end bottom">{share(plot.expected[0])}</span>
      </div>
      <p className="frontier-axis soft num" aria-hidden="true">
        <span>{share(plot.volatility[0])}</span>
        <span>volatility</span>
        <span>{share(plot.volatility[1])}</span>
      </p>
    </figure>
  );
}
