import type { DataSet, Strategy, Sweep } from "../api/types";
import { words } from "../state/format";
import { combinations, sweepDraft, sweepErrors, sweepRequest, valuesHint } from "../state/sweepForm";
import { Field } from "./parts";
import { RunForm, type PartProps } from "./RunForm";

/** The values of each parameter, and how many combinations they make. */
function Grid({ strategy, draft, errorOf, onChange }: PartProps & { strategy: Strategy }) {
  const count = combinations(draft, strategy);
  const wrong = errorOf("grid");
  return (
    <fieldset className="sweep-values">
      <legend>Values to try</legend>
      <p className="field-hint">Several with commas, such as 5, 10, 20, or first:last:step, such as 5:50:5.</p>
      {strategy.parameters.map((range) => (
        <Field
          key={range.name}
          label={words(range.name)}
          hint={valuesHint(range)}
          error={errorOf(`grid.${range.name}`) ?? errorOf(`parameters.${range.name}`)}
        >
          {(id, describedBy) => (
            <input
              id={id}
              className="num"
              autoComplete="off"
              data-testid={`sweep-parameter-${range.name}`}
              aria-describedby={describedBy}
              value={draft.parameters[range.name] ?? ""}
              onChange={(event) => onChange({ parameters: { ...draft.parameters, [range.name]: event.target.value } })}
            />
          )}
        </Field>
      ))}
      <p className={wrong === undefined ? "field-hint" : "field-error"} data-testid="sweep-count" role="status">
        {wrong ?? `${count.toLocaleString("en-US")} combination${count === 1 ? "" : "s"}, each of them played`}
      </p>
    </fieldset>
  );
}

interface FormProps {
  strategies: readonly Strategy[];
  dataSets: readonly DataSet[];
  onSubmitted: (sweep: Sweep) => void;
}

/** Asks for a sweep of one of the strategies that are signals. */
export function SweepForm({ strategies, dataSets, onSubmitted }: FormProps) {
  return (
    <RunForm
      word="sweep"
      strategies={strategies}
      dataSets={dataSets}
      first={strategies.find((one) => one.name === "moving-average-signal") ?? strategies[0]}
      draftFor={sweepDraft}
      check={sweepErrors}
      send={(api, draft, strategy, key) => api.submitSweep(sweepRequest(draft, strategy), key)}
      parameters={(strategy, part) => <Grid strategy={strategy} {...part} />}
      onSubmitted={onSubmitted}
    />
  );
}
