import { useState, type FormEvent, type ReactNode } from "react";
import type { Api } from "../api/endpoints";
import { messageOf, Problem } from "../api/problem";
import type { DataSet, Strategy } from "../api/types";
import {
  costFields,
  dataWords,
  type BacktestDraft,
  type BacktestErrors,
  type ImpactChoice,
} from "../state/backtestForm";
import { useTerminal } from "../state/context";
import { Amount, Choice, Field, Notice } from "./parts";

const IMPACTS: readonly ImpactChoice[] = ["none", "volume_share", "square_root"];
const IMPACT_WORDS: Record<ImpactChoice, string> = {
  none: "none",
  volume_share: "squared share of volume",
  square_root: "square root of share",
};

interface TextProps {
  label: string;
  name: "symbols" | "start" | "end";
  type?: string;
  hint?: string;
  draft: BacktestDraft;
  error: string | undefined;
  onChange: (part: Partial<BacktestDraft>) => void;
}

function TextInput({ label, name, type = "text", hint, draft, error, onChange }: TextProps) {
  return (
    <Field label={label} error={error} {...(hint === undefined ? {} : { hint })}>
      {(id, describedBy) => (
        <input
          id={id}
          type={type}
          data-testid={`backtest-${name}`}
          autoComplete="off"
          aria-describedby={describedBy}
          aria-invalid={error !== undefined}
          value={draft[name]}
          onChange={(event) => onChange({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
}

export interface PartProps {
  draft: BacktestDraft;
  errorOf: (field: string) => string | undefined;
  onChange: (part: Partial<BacktestDraft>) => void;
}

/** The data set, which has its instruments and days in its hint. */
function DataInput({ dataSets, draft, errorOf, onChange }: PartProps & { dataSets: readonly DataSet[] }) {
  const chosen = dataSets.find((one) => one.name === draft.data);
  return (
    <Field label="Data set" error={errorOf("data")} {...(chosen === undefined ? {} : { hint: dataWords(chosen) })}>
      {(id, describedBy) => (
        <select
          id={id}
          data-testid="backtest-data"
          aria-describedby={describedBy}
          value={draft.data}
          onChange={(event) => onChange({ data: event.target.value })}
        >
          {dataSets.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Which instruments and days, and with how much money. */
function WindowInputs({ word, draft, errorOf, onChange }: PartProps & { word: string }) {
  const text = (name: TextProps["name"]) => ({ name, draft, error: errorOf(name), onChange });
  return (
    <div className="backtest-fields">
      <TextInput label="Instruments" hint="With commas between; none is all of them." {...text("symbols")} />
      <TextInput label="First day" type="date" {...text("start")} />
      <TextInput label="Last day" type="date" {...text("end")} />
      <Amount
        label="Cash"
        testId={`${word}-cash`}
        value={draft.cash}
        error={errorOf("cash")}
        onChange={(cash) => onChange({ cash })}
      />
    </div>
  );
}

/** What trading costs; folded away until somebody wants other costs than those of paper. */
function CostInputs({ draft, errorOf, onChange }: PartProps) {
  const fields = costFields(draft.impact);
  const wrong = fields.some((one) => errorOf(one.name) ?? errorOf(`impact.${one.name}`)) || errorOf("impact");
  const [open, setOpen] = useState(false);
  if (wrong && !open) setOpen(true); // and it stays open while the mistake is mended
  return (
    <details
      className="backtest-costs"
      data-testid="backtest-costs"
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>Costs and fills</summary>
      <div className="backtest-fields">
        {fields
          .filter((one) => one.model === undefined)
          .map((one) => (
            <Amount
              key={one.name}
              label={one.label}
              testId={`backtest-${one.name}`}
              value={draft.costs[one.name] ?? ""}
              error={errorOf(one.name)}
              placeholder={one.empty ?? ""}
              onChange={(text) => onChange({ costs: { ...draft.costs, [one.name]: text } })}
            />
          ))}
        <div className="whole-row">
        <Choice
          label="Slippage by size"
          testId="backtest-impact"
          value={draft.impact}
          error={errorOf("impact")}
          choices={IMPACTS}
          words={IMPACT_WORDS}
          onChange={(impact) => onChange({ impact })}
        />
        </div>
        {fields
          .filter((one) => one.model !== undefined)
          .map((one) => (
            <Amount
              key={one.name}
              label={one.label}
              testId={`backtest-${one.name}`}
              value={draft.costs[one.name] ?? ""}
              error={errorOf(one.name) ?? errorOf(`impact.${one.name}`) ?? errorOf(`impact.${draft.impact}.${one.name}`)}
              onChange={(text) => onChange({ costs: { ...draft.costs, [one.name]: text } })}
            />
          ))}
      </div>
    </details>
  );
}

interface RunFormProps<Run> {
  word: "backtest" | "sweep";
  strategies: readonly Strategy[];
  dataSets: readonly DataSet[];
  /** The strategy that is chosen first. */
  first: Strategy | undefined;
  draftFor: (strategy: Strategy | undefined, known?: BacktestDraft) => BacktestDraft;
  check: (draft: BacktestDraft, strategy: Strategy) => BacktestErrors;
  send: (api: Api, draft: BacktestDraft, strategy: Strategy, key: string) => Promise<Run>;
  parameters: (strategy: Strategy, part: PartProps) => ReactNode;
  onSubmitted: (run: Run) => void;
}

/** Asks for a run of one of the strategies on offer: its parameters, the data, the window, cash and costs. */
export function RunForm<Run>({ word, strategies, dataSets, first, draftFor, check, send, parameters, onSubmitted }: RunFormProps<Run>) {
  const { api } = useTerminal();
  const [draft, setDraft] = useState(() => draftFor(first));
  const [errors, setErrors] = useState<BacktestErrors>({});
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  // One key for one try, so that a request whose answer was lost is not carried out twice.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const strategy = strategies.find((one) => one.name === draft.strategy);
  if (strategy === undefined) return <p className="empty">No strategy is on offer.</p>;
  const refused = failure instanceof Problem ? failure : null;
  const errorOf = (field: string) => errors[field] ?? refused?.field(field);

  const change = (part: Partial<BacktestDraft>) => {
    setDraft((known) => ({ ...known, ...part }));
    setErrors({});
    setFailure(null);
    setKey(crypto.randomUUID());
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const found = check(draft, strategy);
    setErrors(found);
    setFailure(null);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    try {
      onSubmitted(await send(api, draft, strategy, key));
      setKey(crypto.randomUUID());
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };

  const part = { draft, errorOf, onChange: change };
  return (
    <form className="backtest-form" onSubmit={(event) => void submit(event)} noValidate aria-label={`New ${word}`}>
      <Field label="Strategy" error={errorOf("strategy")} hint={strategy.about}>
        {(id, describedBy) => (
          <select
            id={id}
            data-testid={`${word}-strategy`}
            aria-describedby={describedBy}
            value={draft.strategy}
            onChange={(event) => change(draftFor(strategies.find((one) => one.name === event.target.value), draft))}
          >
            {strategies.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      {parameters(strategy, part)}
      <DataInput dataSets={dataSets} {...part} />
      <WindowInputs word={word} {...part} />
      <CostInputs {...part} />
      <button type="submit" className="primary wide" disabled={busy} data-testid={`${word}-submit`}>
        {busy ? "Sending…" : `Run ${word}`}
      </button>
      {failure !== null && (
        <Notice tone="bad">
          <span data-testid={`${word}-refusal`}>{messageOf(failure)}</span>
        </Notice>
      )}
    </form>
  );
}
