import { useEffect, useMemo, useState } from "react";
import { messageOf } from "../api/problem";
import type { Backtest, Check, Validation } from "../api/types";
import { isLive, points, reasons } from "../state/backtests";
import { useTerminal, useTerminalState } from "../state/context";
import { CourseChart } from "./CourseChart";
import { FileButtons } from "./FileButtons";
import { Notice } from "./parts";

const FILES = [
  { format: "html", label: "Save page", name: "validation.html" },
  { format: "json", label: "Save validation.json", name: "validation.json" },
] as const;

function Checks({ checks }: { checks: readonly Check[] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Checks, scrollable">
      <table className="num checks" data-testid="verdict-checks">
        <thead>
          <tr>
            <th scope="col">Check</th>
            <th scope="col">Outcome</th>
            <th scope="col">Measured</th>
            <th scope="col">Asked for</th>
          </tr>
        </thead>
        <tbody>
          {checks.map((check) => (
            <tr key={check.name} title={check.why}>
              <th scope="row">{check.name}</th>
              <td>
                <span className="badge" data-outcome={check.outcome}>
                  {check.outcome}
                </span>
              </td>
              <td>{check.value}</td>
              <td>{check.threshold}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The verdict in words, its reasons, the whole table, and the course beside the best baseline. */
function Outcome({ validation }: { validation: Validation }) {
  const { api } = useTerminal();
  const { verdict, words, checks, curve } = validation;
  const best = useMemo(() => [...validation.baselines].sort((a, b) => b.sharpe - a.sharpe)[0]?.name, [validation]);
  const courses = useMemo(
    () =>
      curve === null
        ? []
        : [
            { name: "Strategy", points: points(curve.times, curve.equity) },
            { name: best ?? "Baseline", points: points(curve.times, curve.baseline) },
          ],
    [curve, best],
  );
  const told = reasons(checks);
  return (
    <>
      <p className="verdict-words" data-verdict={verdict} data-testid="verdict-words">
        <span className="badge" data-verdict={verdict}>
          {verdict}
        </span>{" "}
        {words}
      </p>
      {told.length > 0 && (
        <ul className="verdict-reasons">
          {told.map((check) => (
            <li key={check.name}>
              <strong>{check.name}</strong>: {check.why}
            </li>
          ))}
        </ul>
      )}
      {courses.length > 0 && (
        <>
          <p className="legend-line">
            <span className="course-mark" aria-hidden="true" /> this strategy
            <span className="course-mark" data-index="1" aria-hidden="true" /> {best ?? "baseline"}
          </p>
          <CourseChart courses={courses} label={`How one dollar grew, beside ${best ?? "the best baseline"}`} />
        </>
      )}
      <Checks checks={checks} />
      <FileButtons fetchFile={(format) => api.validationFile(validation.backtest_id, format)} files={FILES} />
    </>
  );
}

interface AskProps {
  again: boolean;
  onAsk: (quick: boolean, tried: number) => void;
}

function Ask({ again, onAsk }: AskProps) {
  const [quick, setQuick] = useState(false);
  const [tried, setTried] = useState("0");
  const wrong = !/^\d{1,7}$/.test(tried) || Number(tried) > 1_000_000;
  return (
    <form
      className="verdict-ask"
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) onAsk(quick, Number(tried));
      }}
    >
      <label className="verdict-tried">
        Parameter sets tried before
        <input
          className="num"
          inputMode="numeric"
          data-testid="verdict-tried"
          aria-invalid={wrong}
          value={tried}
          onChange={(event) => setTried(event.target.value.trim())}
        />
      </label>
      <label className="verdict-quick">
        <input
          type="checkbox"
          data-testid="verdict-quick"
          checked={quick}
          onChange={(event) => setQuick(event.target.checked)}
        />
        fewer runs
      </label>
      <button type="submit" disabled={wrong} data-testid="verdict-ask">
        {again ? "Validate again" : "Validate"}
      </button>
    </form>
  );
}

interface VerdictProps {
  backtest: Backtest;
  mayAct: boolean;
  onVerdict: () => void;
}

/** How far a result can be trusted: ask for the verdict, follow it, read it. */
export function BacktestVerdict({ backtest, mayAct, onVerdict }: VerdictProps) {
  const { api } = useTerminal();
  const { id } = backtest;
  const news = useTerminalState((state) => state.validations[id]);
  const [known, setKnown] = useState<Validation | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const there = backtest.validation !== null || news !== undefined;
  const ended = news !== undefined && !isLive(news.status) ? news.id : null;

  useEffect(() => {
    let left = false;
    if (!there) return undefined;
    api
      .validation(id)
      .then((found) => {
        if (left) return;
        setKnown(found);
        if (ended !== null) onVerdict();
      })
      .catch((error: unknown) => {
        if (!left) setFailure(messageOf(error));
      });
    return () => {
      left = true;
    };
  }, [api, id, there, ended, onVerdict]);

  const act = (asked: Promise<Validation>) => {
    setFailure(null);
    asked.then(setKnown).catch((error: unknown) => setFailure(messageOf(error)));
  };
  const told = news !== undefined && news.id === known?.id ? news : known;
  const live = known !== null && told !== null && isLive(told.status) && isLive(known.status);
  return (
    <section className="verdict" aria-label="Verdict" data-testid="verdict" data-status={known?.status ?? "none"}>
      <h3>Verdict</h3>
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
      {known === null && <p className="soft">Not validated yet: how much of this result is luck is not known.</p>}
      {live && told !== null && (
        <p className="verdict-live">
          <progress max={1} value={told.progress} aria-label="Progress of the validation" />
          <span className="num">{told.status === "queued" ? "queued" : `${Math.floor(told.progress * 100)}%`}</span>
          {mayAct && (
            <button
              type="button"
              className="small"
              data-testid="verdict-cancel"
              onClick={() => act(api.cancelValidation(id))}
            >
              Cancel
            </button>
          )}
        </p>
      )}
      {known?.status === "failed" && <Notice tone="bad">{known.error ?? "It failed."}</Notice>}
      {known?.status === "cancelled" && <p className="soft">The validation was cancelled.</p>}
      {known?.status === "done" && <Outcome validation={known} />}
      {mayAct && !live && (
        <Ask again={known !== null} onAsk={(quick, tried) => act(api.validate(id, { quick, tried }))} />
      )}
    </section>
  );
}
