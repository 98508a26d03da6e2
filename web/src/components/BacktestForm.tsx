import { useState, type FormEvent } from "react";
import { messageOf, Problem } from "../api/problem";
import type { Backtest, ParameterRange, Strategy } from "../api/types";
import {
  backtestErrors,
  backtestRequest,
  draftFor,
  rangeWords,
  type BacktestDraft,
  type BacktestErrors,
} from "../state/backtestForm";
import { useTerminal } from "../state/context";
import { words } from "../state/format";
import { Amount, Field, Notice } from "./parts";

interface InputProps {
  range: ParameterRange;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

/** The input that fits a parameter: a number with its range, a choice, or yes and no. */
function ParameterInput({ range, value, error, onChange }: InputProps) {
  const choices = range.kind === "flag" ? ["true", "false"] : range.choices.map(String);
  const numeric = range.kind !== "choice" && range.kind !== "flag";
  const hint = numeric ? rangeWords(range) : "";
  return (
    <Field label={words(range.name)} error={error} {...(hint === "" ? {} : { hint })}>
      {(id, describedBy) =>
        numeric ? (
          <input
            id={id}
            className="num"
            type="number"
            step={range.kind === "whole" ? 1 : "any"}
            min={range.least === null ? undefined : String(range.least)}
            max={range.most === null ? undefined : String(range.most)}
            data-testid={`backtest-parameter-${range.name}`}
            aria-describedby={describedBy}
            aria-invalid={error !== undefined}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        ) : (
          <select id={id} aria-describedby={describedBy} value={value} onChange={(event) => onChange(event.target.value)}>
            {choices.map((choice) => (
              <option key={choice} value={choice}>
                {choice}
              </option>
            ))}
          </select>
        )
      }
    </Field>
  );
}

interface TextProps {
  label: string;
  name: "data" | "symbols" | "start" | "end";
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

/** Asks for a backtest of one of the strategies on offer. */
export function BacktestForm({
  strategies,
  onSubmitted,
}: {
  strategies: readonly Strategy[];
  onSubmitted: (backtest: Backtest) => void;
}) {
  const { api } = useTerminal();
  const [draft, setDraft] = useState(() =>
    draftFor(strategies.find((one) => one.parameters.length > 0) ?? strategies[0]),
  );
  const [errors, setErrors] = useState<BacktestErrors>({});
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const strategy = strategies.find((one) => one.name === draft.strategy);
  if (strategy === undefined) return <p className="empty">No strategy is on offer.</p>;
  const refused = failure instanceof Problem ? failure : null;
  const errorOf = (field: string) => errors[field] ?? refused?.field(field);

  const change = (part: Partial<BacktestDraft>) => {
    setDraft((known) => ({ ...known, ...part }));
    setErrors({});
    setFailure(null);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const found = backtestErrors(draft, strategy);
    setErrors(found);
    setFailure(null);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    try {
      onSubmitted(await api.submitBacktest(backtestRequest(draft, strategy)));
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="backtest-form" onSubmit={(event) => void submit(event)} noValidate aria-label="New backtest">
      <Field label="Strategy" error={errorOf("strategy")} hint={strategy.about}>
        {(id, describedBy) => (
          <select
            id={id}
            data-testid="backtest-strategy"
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
      {strategy.parameters.length > 0 && (
        <fieldset>
          <legend>Parameters</legend>
          <div className="backtest-fields">
            {strategy.parameters.map((range) => (
              <ParameterInput
                key={range.name}
                range={range}
                value={draft.parameters[range.name] ?? ""}
                error={errorOf(`parameters.${range.name}`)}
                onChange={(value) => change({ parameters: { ...draft.parameters, [range.name]: value } })}
              />
            ))}
          </div>
        </fieldset>
      )}
      <div className="backtest-fields">
        <TextInput label="Data set" name="data" draft={draft} error={errorOf("data")} onChange={change} />
        <TextInput
          label="Instruments"
          name="symbols"
          hint="With commas between; none is all of them."
          draft={draft}
          error={errorOf("symbols")}
          onChange={change}
        />
        <TextInput label="First day" name="start" type="date" draft={draft} error={errorOf("start")} onChange={change} />
        <TextInput label="Last day" name="end" type="date" draft={draft} error={errorOf("end")} onChange={change} />
        <Amount
          label="Cash"
          testId="backtest-cash"
          value={draft.cash}
          error={errorOf("cash")}
          onChange={(cash) => change({ cash })}
        />
      </div>
      <button type="submit" className="primary wide" disabled={busy} data-testid="backtest-submit">
        {busy ? "Sending…" : "Run backtest"}
      </button>
      {failure !== null && (
        <Notice tone="bad">
          <span data-testid="backtest-refusal">{messageOf(failure)}</span>
        </Notice>
      )}
    </form>
  );
}
