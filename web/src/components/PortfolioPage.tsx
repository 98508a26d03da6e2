import { useCallback, useState } from "react";
import type { By, Every, Performance } from "../api/accountTypes";
import { useAnswer } from "../state/answer";
import { useTerminal, useTerminalState } from "../state/context";
import { figure, marketDate, money, NOTHING, percent, words } from "../state/format";
import { rate } from "../state/risk";
import { Bars } from "./Bars";
import { FileButtons } from "./FileButtons";
import { Figures } from "./Figures";
import { Choice, Empty, Notice, Panel, Segmented, Signed } from "./parts";

const EVERY: readonly { value: Every; label: string }[] = [
  { value: "day", label: "Days" },
  { value: "month", label: "Months" },
  { value: "quarter", label: "Quarters" },
  { value: "year", label: "Years" },
];
const BY: readonly { value: By; label: string }[] = [
  { value: "position", label: "Position" },
  { value: "sector", label: "Sector" },
  { value: "strategy", label: "Strategy" },
];
const FILES = [
  { format: "html", label: "Save page", name: "statement.html" },
  { format: "csv", label: "Save movements", name: "statement.csv" },
] as const;
const TAX_FILES = [
  { format: "html", label: "Save tax page", name: "tax.html" },
  { format: "csv", label: "Save disposals", name: "tax.csv" },
] as const;

function Reasons({ reasons }: { reasons: Readonly<Record<string, string>> }) {
  const told = Object.entries(reasons);
  if (told.length === 0) return null;
  return (
    <ul className="reasons soft">
      {told.map(([name, why]) => (
        <li key={name}>
          {words(name)}: {why}
        </li>
      ))}
    </ul>
  );
}

function Gains({ found }: { found: Performance }) {
  const held = found.benchmark_symbol;
  return (
    <Figures
      label="Performance"
      testId="performance-figures"
      figures={[
        { name: "Equity", text: money(found.end_equity) },
        { name: "Gain", text: money(found.gain, true), note: `paid in ${money(found.flows)}` },
        { name: "Return, time-weighted", text: rate(found.time_weighted) },
        { name: "Return, money-weighted", text: rate(found.money_weighted) },
        ...(held === null ? [] : [{ name: `${held} held`, text: rate(found.benchmark), note: `beside it ${rate(found.excess)}` }]),
        { name: "Realised", text: money(found.realised, true) },
        { name: "Unrealised", text: money(found.unrealised, true) },
        { name: "Dividends", text: money(found.dividends) },
        { name: "Costs", text: money(found.costs) },
        { name: "Sharpe ratio", text: found.statistics === null ? NOTHING : figure(found.statistics.sharpe) },
        { name: "Deepest drawdown", text: rate(found.statistics?.max_drawdown ?? null) },
      ]}
    />
  );
}

function Periods({ found, every }: { found: Performance; every: Every }) {
  if (found.periods.length === 0) return <Empty>The account has no close yet.</Empty>;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Periods, scrollable">
      <table className="num" data-testid="periods">
        <thead>
          <tr>
            <th scope="col">{words(every)}</th>
            <th scope="col">Paid in</th>
            <th scope="col">Gain</th>
            <th scope="col">Equity</th>
            <th scope="col">Return</th>
            {found.benchmark_symbol !== null && <th scope="col">{found.benchmark_symbol}</th>}
          </tr>
        </thead>
        <tbody>
          {found.periods.toReversed().map((period) => (
            <tr key={period.label}>
              <th scope="row">{period.label}</th>
              <td>{money(period.flows)}</td>
              <td>
                <Signed value={period.gain} text={money(period.gain, true)} />
              </td>
              <td>{money(period.end_equity)}</td>
              <td>{period.reason ?? rate(period.time_weighted)}</td>
              {found.benchmark_symbol !== null && <td>{rate(period.benchmark)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function PerformancePanel() {
  const { api } = useTerminal();
  const instruments = useTerminalState((state) => state.instruments);
  const [every, setEvery] = useState<Every>("month");
  const [benchmark, setBenchmark] = useState("");
  const { answer, failure, busy } = useAnswer(useCallback(() => api.performance(every, benchmark), [api, every, benchmark]));
  const symbols = ["", ...instruments.map((one) => one.symbol)];
  const named = Object.fromEntries(symbols.map((symbol) => [symbol, symbol === "" ? "nothing" : symbol]));
  const [period, setPeriod] = useState<string | null>(null);
  const labels = (answer?.periods ?? []).map((one) => one.label).toReversed();
  const chosen = period !== null && labels.includes(period) ? period : (labels[0] ?? null);
  return (
    <Panel
      title="Performance"
      area="performance"
      busy={busy}
      tools={<Segmented label="Periods" value={every} choices={EVERY} onChange={setEvery} />}
    >
      <div className="page-body">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {answer !== null && (
          <>
            <Gains found={answer} />
            <div className="inline-fields">
              <Choice
                label="Compare with"
                testId="performance-benchmark"
                value={benchmark}
                error={undefined}
                choices={symbols}
                words={named}
                onChange={setBenchmark}
              />
              {chosen !== null && (
                <Choice
                  label="Statement"
                  testId="statement-period"
                  value={chosen}
                  error={undefined}
                  choices={labels}
                  words={Object.fromEntries(labels.map((label) => [label, label]))}
                  onChange={setPeriod}
                />
              )}
              {chosen !== null && <FileButtons fetchFile={(format) => api.statementFile(chosen, format)} files={FILES} />}
              {chosen !== null && (
                <FileButtons fetchFile={(format) => api.taxFile(chosen.slice(0, 4), format)} files={TAX_FILES} />
              )}
            </div>
            <Periods found={answer} every={every} />
            <Reasons reasons={answer.reasons} />
          </>
        )}
      </div>
    </Panel>
  );
}

function AllocationPanel({ by }: { by: By }) {
  const { api } = useTerminal();
  const { answer, failure, busy } = useAnswer(useCallback(() => api.allocation(by), [api, by]));
  return (
    <Panel title="Where the money is" area="allocation" busy={busy} tools={answer && <span className="soft num">{marketDate(answer.at)}</span>}>
      <div className="page-body">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {answer?.reason && <Notice tone="plain">{answer.reason}</Notice>}
        {answer !== null && (
          <Bars
            label={words(by)}
            testId="allocation"
            headings={["Value", "Of equity", "Unrealised"]}
            bars={answer.shares.map((share) => ({
              name: share.name,
              value: Number(share.market_value ?? 0),
              figures: [money(share.market_value), percent(share.weight), money(share.unrealised, true)],
            }))}
          />
        )}
      </div>
    </Panel>
  );
}

function ContributionPanel({ by }: { by: By }) {
  const { api } = useTerminal();
  const { answer, failure, busy } = useAnswer(useCallback(() => api.contribution(by), [api, by]));
  return (
    <Panel title="What gained and lost" area="contribution" busy={busy}>
      <div className="page-body">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {answer !== null && answer.parts.length === 0 && <Empty>Nothing gained or lost yet.</Empty>}
        {answer !== null && answer.parts.length > 0 && (
          <Bars
            label={words(by)}
            testId="contribution"
            headings={["Gain", "Of the return"]}
            bars={answer.parts.map((part) => ({
              name: part.name,
              value: Number(part.gain),
              figures: [money(part.gain, true), percent(part.contribution, true)],
            }))}
          />
        )}
        {answer?.reason && <p className="soft">{answer.reason}</p>}
      </div>
    </Panel>
  );
}

/** What the account is worth, how it did, and why: at the closes so far. */
export function PortfolioPage() {
  const [by, setBy] = useState<By>("position");
  const [asked, setAsked] = useState(0);
  return (
    <main className="account-page" data-testid="portfolio-page">
      <div className="page-tools">
        <Segmented label="Group by" value={by} choices={BY} onChange={setBy} />
        <button type="button" className="quiet" data-testid="portfolio-refresh" onClick={() => setAsked(asked + 1)}>
          Refresh
        </button>
      </div>
      <PerformancePanel key={`performance ${asked}`} />
      <div className="page-pair">
        <AllocationPanel key={`allocation ${asked}`} by={by} />
        <ContributionPanel key={`contribution ${asked}`} by={by} />
      </div>
    </main>
  );
}
