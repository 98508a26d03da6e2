import { useEffect, useMemo, useState } from "react";
import { messageOf } from "../api/problem";
import type { Compared } from "../api/types";
import { differences, metricName, metricText, points } from "../state/backtests";
import { useTerminal } from "../state/context";
import { CourseChart } from "./CourseChart";
import { Notice } from "./parts";

/** Two or more backtests side by side: how a dollar grew in each, and their figures. */
export function BacktestComparison({ ids }: { ids: readonly string[] }) {
  const { api } = useTerminal();
  const [items, setItems] = useState<readonly Compared[] | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const key = ids.join(",");

  useEffect(() => {
    let left = false;
    setFailure(null);
    api
      .compareBacktests(key.split(","))
      .then((found) => !left && setItems(found))
      .catch((error: unknown) => !left && setFailure(messageOf(error)));
    return () => {
      left = true;
    };
  }, [api, key]);

  const courses = useMemo(
    () =>
      (items ?? []).map((item) => ({ name: differences(item), points: points(item.curve.times, item.curve.growth) })),
    [items],
  );
  if (failure !== null) return <Notice tone="bad">{failure}</Notice>;
  if (items === null) return <p className="empty">Comparing…</p>;
  const names = [...new Set(items.flatMap((item) => Object.keys(item.backtest.metrics ?? {})))];
  return (
    <div className="backtest-result" data-testid="backtest-comparison">
      <CourseChart courses={courses} label={`How one dollar grew in ${items.length} backtests; figures below`} />
      <div className="scroll" tabIndex={0} role="region" aria-label="Comparison, scrollable">
        <table className="num comparison">
          <thead>
            <tr>
              <th scope="col">Figure</th>
              {items.map((item, index) => (
                <th scope="col" key={item.backtest.id}>
                  <span className="course-mark" data-index={index % 5} aria-hidden="true" />
                  {item.backtest.strategy}
                  <span className="soft"> {differences(item)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{metricName(name)}</th>
                {items.map((item) => (
                  <td key={item.backtest.id}>{metricText(name, item.backtest.metrics?.[name])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
