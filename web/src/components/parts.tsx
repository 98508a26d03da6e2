/** Small pieces used all over the page. */

import { useId, type ReactNode } from "react";
import { direction } from "../state/format";

interface PanelProps {
  title: string;
  area: string;
  tools?: ReactNode;
  children: ReactNode;
}

export function Panel({ title, area, tools, children }: PanelProps) {
  const id = useId();
  return (
    <section className={`panel area-${area}`} aria-labelledby={id}>
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
