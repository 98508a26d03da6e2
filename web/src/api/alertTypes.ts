/** Alerts, their rules and webhooks, and limits that wait for a second person, as the contract has them. */

import type { Decimal, Timestamp } from "./types";

export type Severity = "info" | "warning" | "critical";

export interface Alert {
  id: string;
  severity: Severity;
  title: string;
  body: string;
  state: "open" | "acknowledged" | "resolved";
  time: Timestamp;
}

export interface RuleTerms {
  name: string;
  metric: string;
  direction: "above" | "below";
  threshold: Decimal;
  rearm?: Decimal;
  symbol?: string;
  account_id?: string;
  bars?: number;
  level?: Decimal;
  part?: string;
  cool_down_s: number;
  severity: Severity;
  enabled: boolean;
}

export interface Rule {
  id: string;
  name: string;
  metric: string;
  direction: "above" | "below";
  threshold: Decimal;
  rearm: Decimal;
  symbol: string | null;
  account_id: string | null;
  bars: number | null;
  level: Decimal | null;
  part: string | null;
  cool_down_s: number;
  severity: Severity;
  enabled: boolean;
  open_alert: string | null;
  trouble: string | null;
}

export interface Webhook {
  id: string;
  name: string;
  url: string;
  enabled: boolean;
  failures: number;
  last_error: string | null;
}

export interface WebhookMade extends Webhook {
  secret: string;
}

export interface Delivery {
  id: string;
  channel: string;
  webhook_id: string | null;
  state: "pending" | "sent" | "dead";
  attempts: number;
  error: string | null;
  created_at: Timestamp;
}

export interface Route {
  inbox: boolean;
  email: boolean;
  webhooks: string[];
  resolved: boolean;
}

export type Routes = Record<Severity, Route>;

export interface Routing extends Routes {
  email_set_up: boolean;
}

export interface WaitingLimits {
  account_id: string;
  user_id: string;
  asked_at: Timestamp;
  before: Record<string, unknown>;
  limits: Record<string, unknown>;
  loosened: string[];
  lift: boolean;
}
