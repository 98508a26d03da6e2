import { useMemo, useState } from "react";
import type { SweepSet, Value } from "../api/types";
import { metricName, metricText } from "../state/backtests";
import { words } from "../state/format";
import { mapOf, type FigureName } from "../state/sweepMap";

const SHOWN: readonly FigureName[] = ["sharpe", "total_return", "max_drawdown"];

interface PickProps {
  label: string;
  testId: string;
  value: string;
  choices: readonly string[];
  wordsOf: (choice: string) => string;
  onChange: (value: string) => void;
}

function Pick({ label, testId, value, choices, wordsOf, onChange }: PickProps) {
  return (
    <label>
      {label}
      <select data-testid={testId} value={value} onChange={(event) => onChange(event.target.value)}>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {wordsOf(choice)}
          </option>
        ))}
      </select>
    </label>
  );
}

function background(strength: number): string {
  const colour = strength >= 0 ? "var(--up)" : "var(--down)";
  return `color-mix(in srgb, ${colour} ${Math.round(Math.abs(strength) * 42)}%, transparent)`;
}

const textOf = (value: Value): string => String(value);

/** A figure over two parameters: a lone peak is luck, a plateau may be more. */
export function SweepMap({ sets, axes, best }: { sets: readonly SweepSet[]; axes: readonly string[]; best: SweepSet | null }) {
  const [across, setAcross] = useState(axes[0] ?? "");
  const [up, setUp] = useState<string | null>(axes[1] ?? null);
  const [figure, setFigure] = useState<FigureName>("sharpe");
  const map = useMemo(() => mapOf(sets, across, up, figure), [sets, across, up, figure]);
  // Whichever is taken by the other axis, the two change places.
  const pickAcross = (name: string) => {
    if (name === up) setUp(across);
    setAcross(name);
  };
  const pickUp = (name: string) => {
    if (name === across && up !== null) setAcross(up);
    setUp(name);
  };
  const isBest = (row: Value | null, column: Value) =>
    best !== null && best.parameters[across] === column && (up === null || best.parameters[up] === row);
  const others = axes.length > 2;
  return (
    <section className="sweep-map" aria-label="Map of two parameters">
      <div className="sweep-picks">
        <Pick
          label="Figure"
          testId="map-figure"
          value={figure}
          choices={SHOWN}
          wordsOf={metricName}
          onChange={(name) => setFigure(name as FigureName)}
        />
        {axes.length > 1 && (
          <>
            <Pick label="Across" testId="map-across" value={across} choices={axes} wordsOf={words} onChange={pickAcross} />
            <Pick label="Down" testId="map-up" value={up ?? ""} choices={axes} wordsOf={words} onChange={pickUp} />
          </>
        )}
      </div>
      <p className="soft">
        {others ? "Mean over the other parameters. " : ""}Framed: the best set. A lone peak is luck.
      </p>
      <div className="scroll" tabIndex={0} role="region" aria-label="Map, scrollable">
        <table className="num heat-map" data-testid="sweep-map">
          <thead>
            <tr>
              <th scope="col">{up === null ? words(across) : `${words(up)} \\ ${words(across)}`}</th>
              {map.columns.map((column) => (
                <th scope="col" key={textOf(column)}>
                  {textOf(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {map.rows.map((row, index) => (
              <tr key={row === null ? "" : textOf(row)}>
                <th scope="row">{row === null ? metricName(figure) : textOf(row)}</th>
                {map.columns.map((column, place) => {
                  const cell = map.cells[index]?.[place];
                  return (
                    <td
                      key={textOf(column)}
                      data-best={isBest(row, column)}
                      style={cell === undefined || cell.value === null ? undefined : { background: background(cell.strength) }}
                    >
                      {cell === undefined || cell.value === null
                        ? ""
                        : figure === "sharpe"
                          ? cell.value.toFixed(2)
                          : metricText(figure, cell.value)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
