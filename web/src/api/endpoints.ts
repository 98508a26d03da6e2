/** The calls this page makes, one function each. */

import type {
  Allocation,
  By,
  Contribution,
  Every,
  Performance,
  RiskAnalysis,
  RiskFactors,
  RiskStatus,
  SavedScenario,
  Scenario,
  Scenarios,
  Shocks,
  UseHistory,
} from "./accountTypes";
import type { RequestOptions } from "./http";
import type { Session } from "./session";
import type {
  Assignment,
  Backtest,
  BacktestCurve,
  BacktestRequest,
  BacktestTrade,
  Bars,
  Clock,
  ClockChange,
  Compared,
  CorporateAction,
  DataSet,
  EquityPoint,
  Flatness,
  Instrument,
  Killed,
  Order,
  OrderChange,
  OrderRequest,
  Page,
  Portfolio,
  ResumeCode,
  Signal,
  Strategy,
  Sweep,
  SweepRequest,
  SweepSet,
  User,
  Validation,
  ValidationRequest,
  Why,
} from "./types";

interface Items<T> {
  items: T[];
}

export interface OrderQuery {
  status: "open" | "closed" | "all";
  symbol?: string;
  limit?: number;
  cursor?: string;
}

export interface BarQuery {
  limit?: number;
  end?: string;
}

export type Api = ReturnType<typeof createApi>;

export function createApi(session: Session) {
  const get = <T>(path: string, options: RequestOptions = {}) => session.request<T>("GET", path, options);
  const itemsOf = async <T>(path: string, options: RequestOptions = {}) => (await get<Items<T>>(path, options)).items;

  return {
    me: () => get<User>("/users/me"),
    portfolio: () => get<Portfolio>("/portfolio"),
    equityHistory: (limit: number) => itemsOf<EquityPoint>("/portfolio/history", { query: { limit } }),
    instruments: () => itemsOf<Instrument>("/market/instruments"),
    bars: (symbol: string, query: BarQuery) =>
      get<Bars>(`/market/bars/${encodeURIComponent(symbol)}`, { query: { ...query } }),
    corporateActions: (symbol: string) => itemsOf<CorporateAction>(`/market/actions/${encodeURIComponent(symbol)}`),
    clock: () => get<Clock>("/market/clock"),
    changeClock: (change: ClockChange) => session.request<Clock>("POST", "/market/clock", { body: change }),
    orders: (query: OrderQuery) => get<Page<Order>>("/orders", { query: { ...query } }),
    placeOrder: (order: OrderRequest, idempotencyKey: string) =>
      session.request<Order>("POST", "/orders", { body: order, headers: { "Idempotency-Key": idempotencyKey } }),
    changeOrder: (id: string, change: OrderChange, idempotencyKey: string) =>
      session.request<Order>("PATCH", `/orders/${encodeURIComponent(id)}`, {
        body: change,
        headers: { "Idempotency-Key": idempotencyKey },
      }),
    cancelOrder: (id: string) => session.request<Order>("DELETE", `/orders/${encodeURIComponent(id)}`),
    signals: (limit: number) => get<Page<Signal>>("/signals", { query: { limit } }),
    why: (orderId: string, signal: AbortSignal) => get<Why>(`/why/${encodeURIComponent(orderId)}`, { signal }),
    assigned: () => get<{ items: Assignment[] }>("/strategies/assigned"),
    halt: (detail: string) => session.request<unknown>("POST", "/risk/halt", { body: { detail } }),
    kill: (detail: string) => session.request<Killed>("POST", "/risk/kill", { body: { detail, flatten: true } }),
    performance: (every: Every, benchmark: string) =>
      get<Performance>("/portfolio/performance", { query: benchmark === "" ? { every } : { every, benchmark } }),
    allocation: (by: By) => get<Allocation>("/portfolio/allocation", { query: { by } }),
    contribution: (by: By) => get<Contribution>("/portfolio/contribution", { query: { by } }),
    statementFile: (period: string, format: string) =>
      session.file(`/portfolio/statements/${encodeURIComponent(period)}`, { format }),
    taxFile: (year: string, format: string) => session.file(`/portfolio/tax/${encodeURIComponent(year)}`, { format }),
    riskStatus: () => get<RiskStatus>("/risk/status"),
    limitHistory: (limit: string) => get<UseHistory>("/risk/status/history", { query: { limit } }),
    riskAnalysis: (method: string, level: string, horizon: string) =>
      get<RiskAnalysis>("/risk/analysis", { query: { method, level, horizon } }),
    scenarios: () => get<Scenarios>("/risk/scenarios"),
    shocked: (shocks: Shocks) => session.request<Scenario>("POST", "/risk/scenarios", { body: shocks }),
    riskFactors: () => get<RiskFactors>("/risk/factors"),
    savedScenarios: () => itemsOf<SavedScenario>("/risk/scenarios/saved"),
    saveScenario: (shocks: Shocks) => session.request<SavedScenario>("PUT", "/risk/scenarios/saved", { body: shocks }),
    runScenario: (name: string) => get<Scenario>(`/risk/scenarios/saved/${encodeURIComponent(name)}`),
    deleteScenario: (name: string) =>
      session.request<unknown>("DELETE", `/risk/scenarios/saved/${encodeURIComponent(name)}`),
    flatness: () => get<Flatness>("/risk/kill"),
    markRead: () => session.request<unknown>("POST", "/inbox/read", { body: {} }),
    strategies: () => itemsOf<Strategy>("/strategies"),
    backtests: (limit: number) => get<Page<Backtest>>("/backtests", { query: { limit } }),
    dataSets: () => itemsOf<DataSet>("/backtests/datasets"),
    submitBacktest: (asked: BacktestRequest, idempotencyKey: string) =>
      session.request<Backtest>("POST", "/backtests", { body: asked, headers: { "Idempotency-Key": idempotencyKey } }),
    backtest: (id: string) => get<Backtest>(`/backtests/${encodeURIComponent(id)}`),
    sweeps: (limit: number) => get<Page<Sweep>>("/backtests/sweeps", { query: { limit } }),
    submitSweep: (asked: SweepRequest, idempotencyKey: string) =>
      session.request<Sweep>("POST", "/backtests/sweeps", { body: asked, headers: { "Idempotency-Key": idempotencyKey } }),
    cancelSweep: (id: string) => session.request<Sweep>("POST", `/backtests/sweeps/${encodeURIComponent(id)}/cancel`),
    sweepSets: (id: string, limit: number, cursor?: string) =>
      get<Page<SweepSet>>(`/backtests/sweeps/${encodeURIComponent(id)}/results`, {
        query: cursor === undefined ? { limit } : { limit, cursor },
      }),
    validate: (id: string, asked: ValidationRequest) =>
      session.request<Validation>("POST", `/backtests/${encodeURIComponent(id)}/validation`, { body: asked }),
    validation: (id: string) => get<Validation>(`/backtests/${encodeURIComponent(id)}/validation`),
    cancelValidation: (id: string) =>
      session.request<Validation>("POST", `/backtests/${encodeURIComponent(id)}/validation/cancel`),
    backtestFile: (id: string, format: string) =>
      session.file(`/backtests/${encodeURIComponent(id)}/report`, { format }),
    validationFile: (id: string, format: string) =>
      session.file(`/backtests/${encodeURIComponent(id)}/validation/report`, { format }),
    cancelBacktest: (id: string) => session.request<Backtest>("POST", `/backtests/${encodeURIComponent(id)}/cancel`),
    backtestCurve: (id: string) => get<BacktestCurve>(`/backtests/${encodeURIComponent(id)}/curve`),
    backtestTrades: (id: string, limit: number, cursor?: string) =>
      get<Page<BacktestTrade>>(`/backtests/${encodeURIComponent(id)}/trades`, {
        query: cursor === undefined ? { limit } : { limit, cursor },
      }),
    compareBacktests: (ids: readonly string[]) =>
      itemsOf<Compared>("/backtests/compare", { query: { ids: ids.join(",") } }),
    requestResume: () => session.request<ResumeCode>("POST", "/risk/halt/resume-request", { body: {} }),
    resumeTrading: (code: string) => session.request<unknown>("POST", "/risk/halt/resume", { body: { code } }),
  };
}
