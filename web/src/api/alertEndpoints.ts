/** Requests about alerts, and about limits that wait for a second person. */

import type {
  Alert,
  Delivery,
  Routes,
  Routing,
  Rule,
  RuleTerms,
  WaitingLimits,
  Webhook,
  WebhookMade,
} from "./alertTypes";
import type { Session } from "./session";
import type { Page } from "./types";

interface Items<T> {
  items: T[];
}

export type AlertApi = ReturnType<typeof createAlertApi>;

export function createAlertApi(session: Session) {
  const get = <T>(path: string) => session.request<T>("GET", path, {});
  const post = <T>(path: string) => session.request<T>("POST", path, {});
  const at = (path: string, id: string, more = "") => `/alerts/${path}${encodeURIComponent(id)}${more}`;

  return {
    alerts: (state: Alert["state"] | "all") =>
      session.request<Page<Alert>>("GET", "/alerts", { query: state === "all" ? { limit: 100 } : { limit: 100, state } }),
    acknowledge: (id: string) => post<Alert>(at("", id, "/acknowledge")),
    rules: () => get<Items<Rule>>("/alerts/rules").then((found) => found.items),
    addRule: (terms: RuleTerms) => session.request<Rule>("POST", "/alerts/rules", { body: terms }),
    replaceRule: (id: string, terms: RuleTerms) => session.request<Rule>("PUT", at("rules/", id), { body: terms }),
    deleteRule: (id: string) => session.request<unknown>("DELETE", at("rules/", id)),
    routing: () => get<Routing>("/alerts/routing"),
    route: (routes: Routes) => session.request<Routing>("PUT", "/alerts/routing", { body: routes }),
    webhooks: () => get<Items<Webhook>>("/alerts/webhooks").then((found) => found.items),
    addWebhook: (name: string, url: string) =>
      session.request<WebhookMade>("POST", "/alerts/webhooks", { body: { name, url } }),
    renewSecret: (id: string) => post<WebhookMade>(at("webhooks/", id, "/secret")),
    testWebhook: (id: string) => post<Delivery>(at("webhooks/", id, "/test")),
    enableWebhook: (id: string) => post<Webhook>(at("webhooks/", id, "/enable")),
    deleteWebhook: (id: string) => session.request<unknown>("DELETE", at("webhooks/", id)),
    deliveries: () => get<Page<Delivery>>("/alerts/deliveries").then((found) => found.items),
    replay: (id: string) => post<Delivery>(at("deliveries/", id, "/replay")),
    waitingLimits: () => get<Items<WaitingLimits>>("/admin/limit-requests").then((found) => found.items),
    decideLimits: (waiting: WaitingLimits, decision: "approve" | "reject") =>
      session.request<WaitingLimits>(
        "POST",
        `/admin/limit-requests/${encodeURIComponent(waiting.account_id)}/${decision}`,
        { body: { asked_at: waiting.asked_at } },
      ),
  };
}
