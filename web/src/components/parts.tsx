/** Small pieces used all over the page. */

import { useId, type ReactNode } from "react";
import { direction } from "../state/format";

interface PanelProps {
  title: string;
  area: string;
  tools?: ReactNode;
  busy?: boolean;
  children: ReactNode;
}

export function Panel({ title, area, tools, busy = false, children }: PanelProps) {
  const id = useId();
  return (
    <section className={`panel area-${area}`} aria-labelledby={id} aria-busy={busy}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {tools}
      </header>
      {children}
    </section>
  );
}

/** A signed amount: colour, a mark for those who do not see the colour, and the sign. */
export function Signed({ value, text }: { value: string | null; text: string }) {
  const way = direction(value);
  const mark = way === "up" ? "▲" : way === "down" ? "▼" : "";
  return (
    <span className={`num ${way}`}>
      {mark !== "" && (
        <span className="mark" aria-hidden="true">
          {mark}
        </span>
      )}
      {text}
    </span>
  );
}

interface FieldProps {
  label: string;
  error?: string | undefined;
  hint?: string;
  /** Gets the id for the label and the id that describes what is wrong. */
  children: (id: string, describedBy: string | undefined) => ReactNode;
}

export function Field({ label, error, hint, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = error ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id, note === undefined ? undefined : noteId)}
      {note !== undefined && (
        <p id={noteId} className={error === undefined ? "field-hint" : "field-error"}>
          {note}
        </p>
      )}
    </div>
  );
}

interface AmountProps {
  label: string;
  testId: string;
  value: string;
  error: string | undefined;
  placeholder?: string;
  onChange: (value: string) => void;
}

/** A field for a quantity, a price or a percentage. */
export function Amount({ label, testId, value, error, placeholder = "0", onChange }: AmountProps) {
  return (
    <Field label={label} error={error}>
      {(id, describedBy) => (
        <input
          id={id}
          data-testid={testId}
          className="num"
          inputMode="decimal"
          autoComplete="off"
          placeholder={placeholder}
          aria-describedby={describedBy}
          aria-invalid={error !== undefined}
          value={value}
          onChange={(event) => onChange(event.target.value.trim())}
        />
      )}
    </Field>
  );
}

interface ChoiceProps<Value extends string> {
  label: string;
  testId: string;
  value: Value;
  error: string | undefined;
  choices: readonly Value[];
  words: Record<Value, string>;
  onChange: (value: Value) => void;
}

/** A field for one of a few words. */
export function Choice<Value extends string>(props: ChoiceProps<Value>) {
  return (
    <Field label={props.label} error={props.error}>
      {(id, describedBy) => (
        <select
          id={id}
          data-testid={props.testId}
          aria-describedby={describedBy}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value as Value)}
        >
          {props.choices.map((choice) => (
            <option key={choice} value={choice}>
              {props.words[choice]}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Notice({ tone, children }: { tone: "bad" | "good" | "plain"; children: ReactNode }) {
  return (
    <p className={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </p>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

interface SegmentedProps<Value extends string> {
  label: string;
  value: Value;
  choices: readonly { value: Value; label: string; testId?: string }[];
  onChange: (value: Value) => void;
  className?: string;
}

/** A few choices side by side; native radio buttons underneath, so the arrow keys work. */
export function Segmented<Value extends string>(props: SegmentedProps<Value>) {
  const name = useId();
  return (
    <div className={`segmented ${props.className ?? ""}`} role="radiogroup" aria-label={props.label}>
      {props.choices.map((choice) => (
        <label key={choice.value} data-testid={choice.testId} data-value={choice.value}>
          <input
            type="radio"
            name={name}
            checked={props.value === choice.value}
            onChange={() => props.onChange(choice.value)}
          />
          <span>{choice.label}</span>
        </label>
      ))}
    </div>
  );
}
