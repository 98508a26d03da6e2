import { useEffect, useRef } from "react";
import { BacktestView, type Course } from "../charts/backtestView";
import { useSelected } from "../state/store";
import { themeStore } from "../state/theme";

/** A chart of courses; what it shows is told in words by its label. */
export function CourseChart({ courses, label }: { courses: readonly Course[]; label: string }) {
  const theme = useSelected(themeStore, (value) => value);
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<BacktestView | null>(null);

  useEffect(() => {
    if (box.current === null) return undefined;
    const shown = new BacktestView(box.current, courses);
    view.current = shown;
    return () => {
      view.current = null;
      shown.dispose();
    };
  }, [courses]);
  useEffect(() => view.current?.recolour(), [theme]);

  return (
    <div className="chart-box course">
      <div ref={box} className="chart" role="img" aria-label={label} data-testid="course-chart" />
    </div>
  );
}
