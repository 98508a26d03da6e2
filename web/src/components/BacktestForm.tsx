import type { Backtest, DataSet, ParameterRange, Strategy } from "../api/types";
import { backtestErrors, backtestRequest, draftFor, rangeWords } from "../state/backtestForm";
import { words } from "../state/format";
import { Field } from "./parts";
import { RunForm, type PartProps } from "./RunForm";

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

function Parameters({ strategy, draft, errorOf, onChange }: PartProps & { strategy: Strategy }) {
  if (strategy.parameters.length === 0) return null;
  return (
    <fieldset>
      <legend>Parameters</legend>
      <div className="backtest-fields">
        {strategy.parameters.map((range) => (
          <ParameterInput
            key={range.name}
            range={range}
            value={draft.parameters[range.name] ?? ""}
            error={errorOf(`parameters.${range.name}`)}
            onChange={(value) => onChange({ parameters: { ...draft.parameters, [range.name]: value } })}
          />
        ))}
      </div>
    </fieldset>
  );
}

interface FormProps {
  strategies: readonly Strategy[];
  dataSets: readonly DataSet[];
  onSubmitted: (backtest: Backtest) => void;
}

/** Asks for a backtest of one of the strategies on offer. */
export function BacktestForm({ strategies, dataSets, onSubmitted }: FormProps) {
  return (
    <RunForm
      word="backtest"
      strategies={strategies}
      dataSets={dataSets}
      first={strategies.find((one) => one.parameters.length > 0) ?? strategies[0]}
      draftFor={draftFor}
      check={backtestErrors}
      send={(api, draft, strategy, key) => api.submitBacktest(backtestRequest(draft, strategy), key)}
      parameters={(strategy, part) => <Parameters strategy={strategy} {...part} />}
      onSubmitted={onSubmitted}
    />
  );
}
