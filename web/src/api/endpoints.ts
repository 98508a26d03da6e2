/** The calls this page makes, one function each. */

import type { RequestOptions } from "./http";
import type { Session } from "./session";
import type {
  Backtest,
  BacktestCurve,
  BacktestRequest,
  BacktestTrade,
  Bars,
  Clock,
  ClockChange,
  Compared,
  CorporateAction,
  EquityPoint,
  Instrument,
  Order,
  OrderChange,
  OrderRequest,
  Page,
  Portfolio,
  ResumeCode,
  Signal,
  Strategy,
  User,
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
    halt: (detail: string) => session.request<unknown>("POST", "/risk/halt", { body: { detail } }),
    markRead: () => session.request<unknown>("POST", "/inbox/read", { body: {} }),
    strategies: () => itemsOf<Strategy>("/strategies"),
    backtests: (limit: number) => get<Page<Backtest>>("/backtests", { query: { limit } }),
    submitBacktest: (asked: BacktestRequest) => session.request<Backtest>("POST", "/backtests", { body: asked }),
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
