import { useCallback, useMemo, useState } from "react";
import { useAnswer } from "../state/answer";
import { useTerminal } from "../state/context";
import { words } from "../state/format";
import { limitText, usePoints } from "../state/risk";
import { CourseChart } from "./CourseChart";
import { Choice, Empty, Notice } from "./parts";

const LIMITS = [
  "drawdown",
  "daily_loss",
  "weekly_loss",
  "monthly_loss",
  "gross",
  "net",
  "concentration",
  "sector",
  "position_value",
] as const;
type Limit = (typeof LIMITS)[number];
const LIMIT_WORDS = Object.fromEntries(LIMITS.map((name) => [name, words(name)])) as Record<Limit, string>;

/** What a limit limits, at each close so far. */
export function LimitHistory() {
  const { api } = useTerminal();
  const [limit, setLimit] = useState<Limit>("drawdown");
  const { answer, failure } = useAnswer(useCallback(() => api.limitHistory(limit), [api, limit]));
  const courses = useMemo(
    () => (answer === null ? [] : [{ name: words(answer.name), points: usePoints(answer) }]),
    [answer],
  );
  const unit = answer?.unit === "usd" ? "USD" : "%";
  return (
    <div className="limit-history">
      <div className="inline-fields">
        <Choice label="Over time" testId="limit-history" value={limit} error={undefined} choices={LIMITS} words={LIMIT_WORDS} onChange={setLimit} />
        {answer !== null && (
          <p className="soft" data-testid="limit-now">
            {unit}; {answer.limit === null ? "not limited" : `limited to ${limitText(answer.limit, answer.unit)}`}
          </p>
        )}
      </div>
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
      {answer !== null && answer.items.length === 0 && <Empty>The account has no close yet.</Empty>}
      {answer !== null && answer.items.length > 0 && (
        <CourseChart courses={courses} label={`${words(answer.name)} at each close, ${unit}`} />
      )}
    </div>
  );
}
