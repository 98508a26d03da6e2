import { useCallback, useState } from "react";
import type { Rule, RuleTerms } from "../api/alertTypes";
import { messageOf } from "../api/problem";
import { EMPTY_RULE, formOf, METRICS, needsSymbol, replaced, sentenceOf, SEVERITIES, standingOf, termsOf, type RuleForm } from "../state/alerts";
import { useAnswer } from "../state/answer";
import { useAlerts } from "../state/context";
import { words } from "../state/format";
import { Amount, Choice, Empty, Field, Notice, Panel } from "./parts";

const METRIC_WORDS = Object.fromEntries(METRICS.map((name) => [name, words(name)])) as Record<(typeof METRICS)[number], string>;
const DIRECTIONS = ["above", "below"] as const;
const DIRECTION_WORDS = { above: "At or above", below: "At or below" };
const SEVERITY_WORDS = { info: "Info", warning: "Warning", critical: "Critical" };

interface FormProps {
  begin: RuleForm;
  label: string;
  onSend: (terms: RuleTerms) => Promise<void>;
  onLeave?: () => void;
}

function RuleFields({ begin, label, onSend, onLeave }: FormProps) {
  const [form, setForm] = useState(begin);
  const [tried, setTried] = useState(false);
  const { terms, faults } = termsOf(form);
  const set = (change: Partial<RuleForm>) => setForm({ ...form, ...change });
  const told = tried ? faults : {};
  const send = async () => {
    setTried(true);
    if (terms === null) return;
    await onSend(terms);
    setForm(begin);
    setTried(false);
  };
  const text = (name: "name" | "symbol", title: string) => (
    <Field label={title} error={told[name]}>
      {(id, describedBy) => (
        <input
          id={id}
          data-testid={`rule-${name}`}
          aria-describedby={describedBy}
          autoComplete="off"
          value={form[name]}
          onChange={(event) => set({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <form
      data-testid="rule-form"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div className="inline-fields">
        {text("name", "Name")}
        <Choice label="Watch" testId="rule-metric" value={form.metric} error={undefined} choices={METRICS} words={METRIC_WORDS} onChange={(metric) => set({ metric })} />
        {(needsSymbol(form.metric) || form.metric === "weight") && text("symbol", "Symbol")}
        <Choice label="When" testId="rule-direction" value={form.direction} error={undefined} choices={DIRECTIONS} words={DIRECTION_WORDS} onChange={(direction) => set({ direction })} />
        <Amount label="Threshold" testId="rule-threshold" value={form.threshold} error={told.threshold} onChange={(threshold) => set({ threshold })} />
        <Amount label="Over beyond" testId="rule-rearm" placeholder="threshold" value={form.rearm} error={told.rearm} onChange={(rearm) => set({ rearm })} />
        <Amount label="Cool-down, s" testId="rule-cool-down" value={form.coolDown} error={told.coolDown} onChange={(coolDown) => set({ coolDown })} />
        <Choice label="Severity" testId="rule-severity" value={form.severity} error={undefined} choices={SEVERITIES} words={SEVERITY_WORDS} onChange={(severity) => set({ severity })} />
        <button type="submit" className="primary" data-testid="rule-send">
          {label}
        </button>
        {onLeave !== undefined && (
          <button type="button" className="quiet" onClick={onLeave}>
            Leave it
          </button>
        )}
      </div>
    </form>
  );
}

interface RowProps {
  rule: Rule;
  onEdit: () => void;
  onReplace: (changes: Partial<RuleTerms>) => void;
  onDelete: () => void;
}

function RuleRow({ rule, onEdit, onReplace, onDelete }: RowProps) {
  return (
    <tr data-testid="rule-row" data-enabled={rule.enabled}>
      <th scope="row">{rule.name}</th>
      <td className="left">{sentenceOf(rule)}</td>
      <td className="left">{rule.severity}</td>
      <td className="left soft">{standingOf(rule)}</td>
      <td className="act">
        <button type="button" className="small" data-testid="rule-edit" onClick={onEdit}>
          Change
        </button>{" "}
        <button type="button" className="small" data-testid="rule-switch" onClick={() => onReplace({ enabled: !rule.enabled })}>
          {rule.enabled ? "Switch off" : "Switch on"}
        </button>{" "}
        <button type="button" className="small" data-testid="rule-delete" onClick={onDelete}>
          Delete
        </button>
      </td>
    </tr>
  );
}

/** The rules: made, changed, switched off and on, deleted. */
export function AlertRules() {
  const api = useAlerts();
  const [asked, setAsked] = useState(0);
  const [failure, setFailure] = useState<string | null>(null);
  const [editing, setEditing] = useState<Rule | null>(null);
  const { answer, failure: unread, busy } = useAnswer(useCallback(() => (void asked, api.rules()), [api, asked]));
  const change = async (request: Promise<unknown>) => {
    setFailure(null);
    try {
      await request;
      setEditing(null);
    } catch (error) {
      setFailure(messageOf(error));
    }
    setAsked((times) => times + 1);
  };
  return (
    <Panel title="Rules" area="rules" busy={busy}>
      <div className="page-body">
        {(failure ?? unread) !== null && <Notice tone="bad">{failure ?? unread}</Notice>}
        {answer !== null && answer.length === 0 && <Empty>No rule yet.</Empty>}
        {answer !== null && answer.length > 0 && (
          <div className="scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col" className="left">Raises</th>
                  <th scope="col" className="left">Severity</th>
                  <th scope="col" className="left">Now</th>
                  <th scope="col" aria-label="Changes" />
                </tr>
              </thead>
              <tbody>
                {answer.map((rule) => (
                  <RuleRow
                    key={rule.id}
                    rule={rule}
                    onEdit={() => setEditing(rule)}
                    onReplace={(changes) => void change(api.replaceRule(rule.id, replaced(rule, changes)))}
                    onDelete={() => void change(api.deleteRule(rule.id))}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {editing === null ? (
          <RuleFields key="new" begin={EMPTY_RULE} label="Make a rule" onSend={(terms) => change(api.addRule(terms))} />
        ) : (
          <RuleFields
            key={editing.id}
            begin={formOf(editing)}
            label="Change the rule"
            onLeave={() => setEditing(null)}
            onSend={(terms) => change(api.replaceRule(editing.id, replaced(editing, { ...terms, enabled: editing.enabled })))}
          />
        )}
      </div>
    </Panel>
  );
}
