/** Amounts beside each other: names, bars to both sides of nothing, and figures. */

import { direction } from "../state/format";

export interface Bar {
  name: string;
  /** Sets the bar's length and side. */
  value: number;
  figures: readonly string[];
}

interface BarsProps {
  label: string;
  headings: readonly string[];
  bars: readonly Bar[];
  testId?: string;
}

export function Bars({ label, headings, bars, testId }: BarsProps) {
  const most = Math.max(...bars.map((bar) => Math.abs(bar.value)), Number.MIN_VALUE);
  const bothWays = bars.some((bar) => bar.value < 0) && bars.some((bar) => bar.value > 0);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`${label}, scrollable`}>
      <table className="num bars" data-testid={testId}>
        <thead>
          <tr>
            <th scope="col">{label}</th>
            <th scope="col">
              <span className="visually-hidden">Bar</span>
            </th>
            {headings.map((heading) => (
              <th scope="col" key={heading}>
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.name}>
              <th scope="row">{bar.name}</th>
              <td className="bar-cell" aria-hidden="true">
                <span
                  className={`bar ${direction(String(bar.value))}`}
                  data-both={bothWays}
                  style={{ width: `${(Math.abs(bar.value) / most) * (bothWays ? 50 : 100)}%` }}
                />
              </td>
              {bar.figures.map((figure, place) => (
                <td key={headings[place]}>{figure}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
