/** Figures with their names, side by side. */

export interface NamedFigure {
  name: string;
  text: string;
  note?: string;
}

export function Figures({ label, figures, testId }: { label: string; figures: readonly NamedFigure[]; testId?: string }) {
  return (
    <dl className="num cards" aria-label={label} data-testid={testId}>
      {figures.map((one) => (
        <div key={one.name}>
          <dt>{one.name}</dt>
          <dd>{one.text}</dd>
          {one.note !== undefined && <dd className="soft note">{one.note}</dd>}
        </div>
      ))}
    </dl>
  );
}
