import { useCallback, useState } from "react";
import type { Loss, RiskAnalysis, Scenario } from "../api/accountTypes";
import { useAnswer } from "../state/answer";
import { useTerminal } from "../state/context";
import { figure, marketDate, money, NOTHING, share, words } from "../state/format";
import { daysText, limitText, rate } from "../state/risk";
import { Bars } from "./Bars";
import { FactorsPanel } from "./FactorsPanel";
import { Figures } from "./Figures";
import { LimitHistory } from "./LimitHistory";
import { OwnShocks, Reasons } from "./OwnShocks";
import { Choice, Empty, Notice, Panel } from "./parts";

const METHODS = ["filtered", "historical", "normal", "student", "monte_carlo"] as const;
const METHOD_WORDS: Record<(typeof METHODS)[number], string> = {
  filtered: "Filtered history (GARCH)",
  historical: "History",
  normal: "Normal",
  student: "Fat tails (Student)",
  monte_carlo: "Monte Carlo (copula)",
};
const LEVELS = ["0.95", "0.975", "0.99"] as const;
const LEVEL_WORDS: Record<(typeof LEVELS)[number], string> = { "0.95": "95%", "0.975": "97.5%", "0.99": "99%" };
const HORIZONS = ["1", "5", "10", "21"] as const;
const HORIZON_WORDS: Record<(typeof HORIZONS)[number], string> = {
  "1": "1 day",
  "5": "5 days",
  "10": "10 days",
  "21": "21 days",
};
const LIGHTS = { green: "as it should", amber: "doubtful", red: "not as it should" } as const;

function LimitsPanel() {
  const { api } = useTerminal();
  const { answer, failure, busy } = useAnswer(useCallback(() => api.riskStatus(), [api]));
  return (
    <Panel
      title="Limits"
      area="limits"
      busy={busy}
      tools={
        answer && (
          <span className="badge" data-colour={answer.colour} data-testid="risk-colour">
            {answer.colour}
          </span>
        )
      }
    >
      <div className="page-body">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {answer?.halted && <Notice tone="bad">Trading is paused: {answer.halted}</Notice>}
        {answer !== null && answer.limits.length === 0 && <Empty>No limit is set.</Empty>}
        {answer !== null && (
          <ul className="limits" data-testid="limits">
            {answer.limits.map((limit) => (
              <li key={limit.name}>
                <span className="limit-name">
                  {words(limit.name)}
                  {limit.of !== null && <span className="soft"> {limit.of}</span>}
                </span>
                <meter
                  min={0}
                  max={1}
                  high={0.8}
                  optimum={0}
                  value={Math.min(1, Number(limit.part ?? 0))}
                  aria-label={`${words(limit.name)} used`}
                />
                <span className="num">
                  {limit.reason ?? `${limitText(limit.used, limit.unit)} of ${limitText(limit.limit, limit.unit)}`}
                </span>
                <span className="badge" data-colour={limit.colour}>
                  {limit.colour}
                </span>
              </li>
            ))}
          </ul>
        )}
        <LimitHistory />
      </div>
    </Panel>
  );
}

function lossText(loss: Loss | null): { text: string; note: string } {
  if (loss === null) return { text: NOTHING, note: "" };
  const between = loss.low === null || loss.high === null ? "" : `, ${money(loss.low)} to ${money(loss.high)}`;
  return { text: money(loss.amount), note: `${share(loss.share, 2)} of equity${between}` };
}

function AnalysisFigures({ found }: { found: RiskAnalysis }) {
  const { backtest, volatility, drawdown, correlation, concentration } = found;
  return (
    <Figures
      label="Risk"
      testId="risk-figures"
      figures={[
        { name: "Value at risk", ...lossText(found.var) },
        { name: "Expected shortfall", ...lossText(found.shortfall) },
        {
          name: "The method so far",
          text: backtest === null ? NOTHING : LIGHTS[backtest.light],
          note:
            backtest === null
              ? ""
              : `${backtest.exceeded} of ${backtest.days} days worse, ${figure(backtest.expected)} expected; p ` +
                `${figure(backtest.kupiec.p_value)} and ${figure(backtest.christoffersen.p_value)}`,
        },
        {
          name: "Volatility, a year",
          text: share(volatility?.next_year_rate ?? null),
          note: `past ${share(volatility?.past_year_rate ?? null)}`,
        },
        { name: `Beta${found.benchmark === null ? "" : ` to ${found.benchmark}`}`, text: figure(found.beta) },
        {
          name: "Deepest drawdown",
          text: rate(drawdown?.deepest ?? null),
          note: `of the account ${rate(drawdown?.of_account ?? null)}`,
        },
        {
          name: "Correlation",
          text: figure(correlation?.mean ?? null),
          note: `on strained days ${figure(correlation?.stressed ?? null)}`,
        },
        {
          name: "As many as equal positions",
          text: figure(concentration?.effective ?? null),
          note: concentration === null ? "" : `${concentration.largest} ${share(concentration.largest_part)}`,
        },
        { name: "Days to sell", text: daysText(found.liquidity?.longest ?? null) },
      ]}
    />
  );
}

function AnalysisPanel() {
  const { api } = useTerminal();
  const [method, setMethod] = useState<(typeof METHODS)[number]>("filtered");
  const [level, setLevel] = useState<(typeof LEVELS)[number]>("0.95");
  const [horizon, setHorizon] = useState<(typeof HORIZONS)[number]>("1");
  const { answer, failure, busy } = useAnswer(
    useCallback(() => api.riskAnalysis(method, level, horizon), [api, method, level, horizon]),
  );
  return (
    <Panel title="What it may lose" area="analysis" busy={busy} tools={answer && <span className="soft num">{marketDate(answer.as_of)}</span>}>
      <div className="page-body">
        <div className="inline-fields">
          <Choice label="Method" testId="risk-method" value={method} error={undefined} choices={METHODS} words={METHOD_WORDS} onChange={setMethod} />
          <Choice label="Level" testId="risk-level" value={level} error={undefined} choices={LEVELS} words={LEVEL_WORDS} onChange={setLevel} />
          <Choice label="Horizon" testId="risk-horizon" value={horizon} error={undefined} choices={HORIZONS} words={HORIZON_WORDS} onChange={setHorizon} />
        </div>
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {answer !== null && <AnalysisFigures found={answer} />}
        {answer !== null && answer.positions.length > 0 && (
          <Bars
            label="Share of the shortfall"
            testId="risk-positions"
            headings={["Value", "Of equity", "Shortfall", "Of all"]}
            bars={answer.positions.map((one) => ({
              name: one.symbol,
              value: Number(one.shortfall),
              figures: [money(one.value), share(one.weight), money(one.shortfall), share(one.shortfall_part)],
            }))}
          />
        )}
        {answer !== null && <Reasons reasons={answer.reasons} />}
      </div>
    </Panel>
  );
}

function ScenarioBars({ label, scenarios }: { label: string; scenarios: readonly Scenario[] }) {
  return (
    <Bars
      label={label}
      testId="scenarios"
      headings={["Market", "Gain or loss", "Of equity"]}
      bars={scenarios.map((one) => ({
        name: one.title,
        value: Number(one.profit),
        figures: [rate(one.market), money(one.profit, true), rate(one.share)],
      }))}
    />
  );
}

function ScenariosPanel() {
  const { api } = useTerminal();
  const { answer, failure, busy } = useAnswer(useCallback(() => api.scenarios(), [api]));
  const reverse = answer?.reverse ?? null;
  return (
    <Panel title="What if" area="scenarios" busy={busy}>
      <div className="page-body">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {answer !== null && answer.scenarios.length > 0 && <ScenarioBars label="Fall" scenarios={answer.scenarios} />}
        {reverse !== null && (
          <p data-testid="reverse-stress">
            To lose {share(reverse.share)} of the equity, {money(reverse.loss)}, takes a market move of{" "}
            {rate(reverse.market)}
            {reverse.deviations === null ? "" : `, ${figure(reverse.deviations)} deviations of a day`}.
          </p>
        )}
        {answer !== null && <Reasons reasons={answer.reasons} />}
        <OwnShocks />
      </div>
    </Panel>
  );
}

/** What the account may lose, and how near its limits are. */
export function RiskPage() {
  const [asked, setAsked] = useState(0);
  return (
    <main className="account-page" data-testid="risk-page">
      <div className="page-tools">
        <button type="button" className="quiet" data-testid="risk-refresh" onClick={() => setAsked(asked + 1)}>
          Refresh
        </button>
      </div>
      <AnalysisPanel key={`analysis ${asked}`} />
      <FactorsPanel key={`factors ${asked}`} />
      <div className="page-pair">
        <LimitsPanel key={`limits ${asked}`} />
        <ScenariosPanel key={`scenarios ${asked}`} />
      </div>
    </main>
  );
}
