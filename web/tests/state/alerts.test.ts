import { describe, expect, it } from "vitest";
import type { Routing, Rule, WaitingLimits } from "../../src/api/alertTypes";
import { EMPTY_RULE, formOf, looserOf, replaced, rerouted, sentenceOf, standingOf, termsOf } from "../../src/state/alerts";

const RULE: Rule = {
  id: "r",
  name: "VaR",
  metric: "var",
  direction: "above",
  threshold: "0.05",
  rearm: "0.04",
  symbol: null,
  account_id: "a",
  bars: null,
  level: "0.99",
  part: null,
  cool_down_s: 60,
  severity: "critical",
  enabled: true,
  open_alert: null,
  trouble: null,
};

describe("a typed rule", () => {
  it("is what the server takes, or what is wrong by field", () => {
    const form = { ...EMPTY_RULE, name: " up ", symbol: "msft", threshold: "27", rearm: "26.5" };
    expect(termsOf(form).terms).toEqual({
      name: "up",
      metric: "price",
      symbol: "MSFT",
      direction: "above",
      threshold: "27",
      rearm: "26.5",
      cool_down_s: 0,
      severity: "warning",
      enabled: true,
    });
    const wrong = termsOf({ ...EMPTY_RULE, threshold: "much", rearm: "x", coolDown: "-1" });
    expect(wrong.terms).toBeNull();
    expect(Object.keys(wrong.faults).sort()).toEqual(["coolDown", "name", "rearm", "symbol", "threshold"]);
    expect(termsOf({ ...form, metric: "drawdown", threshold: "0.1" }).terms).not.toHaveProperty("symbol");
  });

  it("keeps what the page does not ask for", () => {
    const off = replaced(RULE, { enabled: false });
    expect([off.enabled, off.level, off.account_id, off.rearm]).toEqual([false, "0.99", "a", "0.04"]);
    const { terms } = termsOf({ ...formOf(RULE), threshold: "0.06", rearm: "" });
    const moved = replaced(RULE, terms ?? {});
    expect([moved.threshold, moved.level]).toEqual(["0.06", "0.99"]);
    expect(moved).not.toHaveProperty("rearm");
  });

  it("reads as a sentence and says how it stands", () => {
    expect(sentenceOf(RULE)).toBe("var at or above 0.05, over below 0.04");
    expect(sentenceOf({ ...RULE, metric: "price", symbol: "MSFT", rearm: "0.05" })).toBe("price of MSFT at or above 0.05");
    expect(standingOf(RULE)).toBe("armed");
    expect(standingOf({ ...RULE, open_alert: "x" })).toBe("raised");
    expect(standingOf({ ...RULE, trouble: "no price" })).toBe("no price");
    expect(standingOf({ ...RULE, enabled: false })).toBe("off");
  });
});

describe("routes and waiting limits", () => {
  it("change one severity and leave the others", () => {
    const route = { inbox: true, email: false, webhooks: [], resolved: false };
    const routing: Routing = { info: route, warning: route, critical: route, email_set_up: false };
    expect(rerouted(routing, "critical", { email: true })).toEqual({
      info: route,
      warning: route,
      critical: { ...route, email: true },
    });
  });

  it("name what would bind less", () => {
    const waiting: WaitingLimits = {
      account_id: "a",
      user_id: "u",
      asked_at: "2026-01-05T09:30:00Z",
      before: { order_qty: "5", gross: "2" },
      limits: { order_qty: null, gross: "2" },
      loosened: ["order_qty"],
      lift: true,
    };
    expect(looserOf(waiting)).toEqual(["order qty: 5 to –", "a second person is to be needed no longer"]);
  });
});
