import { useCallback, useState } from "react";
import type { Route, Severity, Webhook, WebhookMade } from "../api/alertTypes";
import { messageOf } from "../api/problem";
import { rerouted, SEVERITIES } from "../state/alerts";
import { useAnswer } from "../state/answer";
import { useAlerts } from "../state/context";
import { Empty, Field, Notice, Panel } from "./parts";

const NAMES: Record<Severity, string> = { info: "Info", warning: "Warning", critical: "Critical" };

function Secret({ made }: { made: WebhookMade }) {
  return (
    <Notice tone="good">
      The secret of {made.name}, shown this once: <code data-testid="webhook-secret">{made.secret}</code>
    </Notice>
  );
}

interface RowProps {
  hook: Webhook;
  onChange: (request: Promise<unknown>) => void;
  onSecret: (request: Promise<WebhookMade>) => void;
}

function HookRow({ hook, onChange, onSecret }: RowProps) {
  const api = useAlerts();
  return (
    <tr data-testid="webhook-row">
      <th scope="row">{hook.name}</th>
      <td className="left">{hook.url}</td>
      <td className="left soft">{hook.enabled ? (hook.last_error ?? "on") : `off: ${hook.last_error ?? "it failed too often"}`}</td>
      <td className="act">
        <button type="button" className="small" data-testid="webhook-test" onClick={() => onChange(api.testWebhook(hook.id))}>
          Send a test
        </button>{" "}
        <button type="button" className="small" onClick={() => onSecret(api.renewSecret(hook.id))}>
          New secret
        </button>{" "}
        {!hook.enabled && (
          <button type="button" className="small" onClick={() => onChange(api.enableWebhook(hook.id))}>
            Switch on
          </button>
        )}{" "}
        <button type="button" className="small" data-testid="webhook-delete" onClick={() => onChange(api.deleteWebhook(hook.id))}>
          Delete
        </button>
      </td>
    </tr>
  );
}

interface TickProps {
  label: string;
  testId: string;
  ticked: boolean;
  onChange: (ticked: boolean) => void;
}

function Tick({ label, testId, ticked, onChange }: TickProps) {
  return (
    <input type="checkbox" aria-label={label} data-testid={testId} checked={ticked} onChange={(event) => onChange(event.target.checked)} />
  );
}

/** How alerts are told by severity, and the webhooks with what was sent to them. */
export function AlertRoutes() {
  const api = useAlerts();
  const [asked, setAsked] = useState(0);
  const [failure, setFailure] = useState<string | null>(null);
  const [made, setMade] = useState<WebhookMade | null>(null);
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const { answer, failure: unread, busy } = useAnswer(
    useCallback(() => (void asked, Promise.all([api.routing(), api.webhooks(), api.deliveries()])), [api, asked]),
  );
  const change = async (request: Promise<unknown>) => {
    setFailure(null);
    try {
      await request;
    } catch (error) {
      setFailure(messageOf(error));
    }
    setAsked((times) => times + 1);
  };
  const secret = (request: Promise<WebhookMade>) => change(request.then(setMade));
  const add = () => {
    void secret(
      api.addWebhook(name.trim(), url.trim()).then((found) => {
        setName("");
        setUrl("");
        return found;
      }),
    );
  };
  if (answer === null) {
    return (
      <Panel title="How you are told" area="routes" busy={busy}>
        {unread !== null && <Notice tone="bad">{unread}</Notice>}
      </Panel>
    );
  }
  const [routing, hooks, deliveries] = answer;
  const route = (severity: Severity, changes: Partial<Route>) => void change(api.route(rerouted(routing, severity, changes)));
  return (
    <Panel
      title="How you are told"
      area="routes"
      busy={busy}
      tools={
        <button type="button" className="quiet" data-testid="deliveries-refresh" onClick={() => setAsked(asked + 1)}>
          Refresh
        </button>
      }
    >
      <div className="page-body">
        {failure !== null && <Notice tone="bad">{failure}</Notice>}
        {made !== null && <Secret made={made} />}
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Severity</th>
                <th scope="col" className="left">Inbox</th>
                <th scope="col" className="left">E-mail{routing.email_set_up ? "" : " (no server is set up)"}</th>
                {hooks.map((hook) => (
                  <th key={hook.id} scope="col" className="left">{hook.name}</th>
                ))}
                <th scope="col" className="left">Also when over</th>
              </tr>
            </thead>
            <tbody>
              {SEVERITIES.map((severity) => {
                const now = routing[severity];
                return (
                  <tr key={severity}>
                    <th scope="row">{NAMES[severity]}</th>
                    <td className="left">
                      <Tick label={`${NAMES[severity]} to the inbox`} testId={`route-${severity}-inbox`} ticked={now.inbox} onChange={(inbox) => route(severity, { inbox })} />
                    </td>
                    <td className="left">
                      <Tick label={`${NAMES[severity]} by e-mail`} testId={`route-${severity}-email`} ticked={now.email} onChange={(email) => route(severity, { email })} />
                    </td>
                    {hooks.map((hook) => (
                      <td key={hook.id} className="left">
                        <Tick
                          label={`${NAMES[severity]} to ${hook.name}`}
                          testId={`route-${severity}-webhook`}
                          ticked={now.webhooks.includes(hook.id)}
                          onChange={(to) =>
                            route(severity, {
                              webhooks: to ? [...now.webhooks, hook.id] : now.webhooks.filter((one) => one !== hook.id),
                            })
                          }
                        />
                      </td>
                    ))}
                    <td className="left">
                      <Tick label={`${NAMES[severity]} also when over`} testId={`route-${severity}-resolved`} ticked={now.resolved} onChange={(resolved) => route(severity, { resolved })} />
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
        <h3>Webhooks</h3>
        {hooks.length === 0 && <Empty>No webhook yet.</Empty>}
        {hooks.length > 0 && (
          <div className="scroll">
            <table>
              <tbody>
                {hooks.map((hook) => (
                  <HookRow key={hook.id} hook={hook} onChange={(request) => void change(request)} onSecret={(request) => void secret(request)} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        <form
          className="inline-fields"
          onSubmit={(event) => {
            event.preventDefault();
            add();
          }}
        >
          <Field label="Name">
            {(id) => <input id={id} data-testid="webhook-name" autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />}
          </Field>
          <Field label="Address, https">
            {(id) => <input id={id} data-testid="webhook-url" autoComplete="off" value={url} onChange={(event) => setUrl(event.target.value)} />}
          </Field>
          <button type="submit" className="primary" data-testid="webhook-add" disabled={name.trim() === "" || url.trim() === ""}>
            Make a webhook
          </button>
        </form>
        {deliveries.length > 0 && (
          <ul className="reasons soft" data-testid="deliveries">
            {deliveries.slice(0, 20).map((one) => (
              <li key={one.id}>
                {one.channel}: {one.state}, {one.attempts} attempts{one.error === null ? "" : `, ${one.error}`}{" "}
                {one.state === "dead" && (
                  <button type="button" className="small" onClick={() => void change(api.replay(one.id))}>
                    Send again
                  </button>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}
