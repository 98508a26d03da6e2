import { useCallback, useState, type ReactNode } from "react";
import { messageOf, Problem } from "../api/problem";
import type { Model, Proposal } from "../api/rebalancingTypes";
import { useAnswer } from "../state/answer";
import { useRebalancing } from "../state/context";
import { EMPTY_REBALANCE, faultsOf, LOT_WORDS, LOTS, targetOf, type Faults, type RebalanceForm as Form } from "../state/rebalancing";
import { Amount, Choice, Field, Notice, Panel } from "./parts";

interface TextProps {
  label: string;
  hint: string;
  testId: string;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

function Text({ label, hint, testId, value, error, onChange }: TextProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(id, describedBy) => (
        <input
          id={id}
          data-testid={testId}
          aria-describedby={describedBy}
          aria-invalid={error !== undefined}
          autoComplete="off"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

function Tick({ checked, testId, children, onChange }: { checked: boolean; testId: string; children: ReactNode; onChange: (on: boolean) => void }) {
  return (
    <label className="tick">
      <input type="checkbox" data-testid={testId} checked={checked} onChange={(event) => onChange(event.target.checked)} /> {children}
    </label>
  );
}

function Target({ form, models, told, set }: { form: Form; models: readonly Model[]; told: Faults; set: (change: Partial<Form>) => void }) {
  return (
    <div className="inline-fields">
      <Field label="Target">
        {(id) => (
          <select id={id} data-testid="rebalance-by" value={form.by} onChange={(event) => set({ by: event.target.value as Form["by"] })}>
            <option value="weights">Weights of your own</option>
            {models.map((model) => (
              <option key={model.name} value={model.name} disabled={!model.available}>
                {model.available ? model.title : `${model.title} (needs ${model.needs ?? "more"})`}
              </option>
            ))}
          </select>
        )}
      </Field>
      {form.by === "weights" ? (
        <Text label="Weights, %" hint="AAPL 30, MSFT 25" testId="rebalance-weights" value={form.weights} error={told.weights} onChange={(weights) => set({ weights })} />
      ) : (
        <Text label="Symbols" hint="none for all that is held" testId="rebalance-symbols" value={form.symbols} error={told.symbols} onChange={(symbols) => set({ symbols })} />
      )}
      <Amount label="Cash, %" testId="rebalance-cash" value={form.cashBuffer} error={told.cashBuffer} onChange={(cashBuffer) => set({ cashBuffer })} />
      <Amount label="Largest weight, %" testId="rebalance-max" placeholder="100" value={form.maxWeight} error={told.maxWeight} onChange={(maxWeight) => set({ maxWeight })} />
    </div>
  );
}

function More({ form, told, set }: { form: Form; told: Faults; set: (change: Partial<Form>) => void }) {
  return (
    <details>
      <summary>How it is traded</summary>
      <div className="inline-fields">
        <Text label="Largest sectors, %" hint="Technology 40" testId="rebalance-sectors" value={form.sectors} error={told.sectors} onChange={(sectors) => set({ sectors })} />
        <Amount label="Turnover at most, %" testId="rebalance-turnover" placeholder="any" value={form.turnover} error={told.turnover} onChange={(turnover) => set({ turnover })} />
        <Amount label="Leave alone what is off by, %" testId="rebalance-band" value={form.band} error={told.band} onChange={(band) => set({ band })} />
        <Amount label="Smallest trade, $" testId="rebalance-min-trade" value={form.minTrade} error={told.minTrade} onChange={(minTrade) => set({ minTrade })} />
        <Choice label="Lots sold" testId="rebalance-lots" value={form.lots} error={undefined} choices={LOTS} words={LOT_WORDS} onChange={(lots) => set({ lots })} />
        <Amount label="Tax, short-term, %" testId="rebalance-tax-short" value={form.taxShort} error={told.taxShort} onChange={(taxShort) => set({ taxShort })} />
        <Amount label="Tax, long-term, %" testId="rebalance-tax-long" value={form.taxLong} error={told.taxLong} onChange={(taxLong) => set({ taxLong })} />
      </div>
      <div className="page-tools">
        <Tick testId="rebalance-whole" checked={form.wholeShares} onChange={(wholeShares) => set({ wholeShares })}>
          Whole shares only
        </Tick>
        <Tick testId="rebalance-no-wash" checked={form.noWashSale} onChange={(noWashSale) => set({ noWashSale })}>
          No wash sales
        </Tick>
        <Tick testId="rebalance-sell-others" checked={form.sellOthers} onChange={(sellOthers) => set({ sellOthers })}>
          Sell what is not named
        </Tick>
      </div>
    </details>
  );
}

/** Asks for a proposal; what the server does not take is told at its field. */
export function RebalanceForm({ onMade }: { onMade: (proposal: Proposal) => void }) {
  const api = useRebalancing();
  const [form, setForm] = useState(EMPTY_REBALANCE);
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<Faults>({});
  const [failure, setFailure] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const { answer: models, failure: unread, busy } = useAnswer(useCallback(() => api.models(), [api]));
  const { target, faults } = targetOf(form);
  const told = { ...refused, ...(tried ? faults : {}) };
  const set = (change: Partial<Form>) => {
    setRefused({});
    setForm({ ...form, ...change });
  };
  const ask = async () => {
    setTried(true);
    setFailure(null);
    if (target === null) return;
    setAsking(true);
    try {
      onMade(await api.propose(target));
    } catch (error) {
      const found = error instanceof Problem ? faultsOf(error.fields) : {};
      setRefused(found);
      if (Object.keys(found).length === 0) setFailure(messageOf(error));
    }
    setAsking(false);
  };
  return (
    <Panel title="Propose" area="rebalance" busy={busy}>
      <form
        className="page-body"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        {(failure ?? unread) !== null && <Notice tone="bad">{failure ?? unread}</Notice>}
        <Target form={form} models={models ?? []} told={told} set={set} />
        <More form={form} told={told} set={set} />
        <div className="page-tools">
          <button type="submit" className="primary" data-testid="rebalance-propose" disabled={asking}>
            {asking ? "Working it out…" : "Propose"}
          </button>
        </div>
      </form>
    </Panel>
  );
}
