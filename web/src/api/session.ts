/**
 * Who is signed in. The access token lives in memory only; the refresh token in sessionStorage, so that a reload
 * keeps the session and closing the tab ends it. Refreshing rotates the token, so only one refresh runs at a time.
 */

import { send, sendForFile, type Query, type RequestOptions } from "./http";
import { Problem } from "./problem";
import type { Tokens, User } from "./types";

const REFRESH_KEY = "traderbot.refresh";
/** A token is refreshed this long before its end, or in the last fifth of its life when that is shorter. */
const MARGIN_MS = 30_000;

export type SessionState =
  | { kind: "resuming" }
  | { kind: "signed-out"; notice: string | null }
  | { kind: "signed-in" };

interface Access {
  token: string;
  renewAt: number;
}

export interface TokenStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class Session {
  private access: Access | null = null;
  private refreshing: Promise<string> | null = null;
  private state: SessionState;
  private readonly listeners = new Set<() => void>();
  private readonly storage: TokenStorage;

  constructor(storage: TokenStorage) {
    this.storage = storage;
    this.state = storage.getItem(REFRESH_KEY) === null ? { kind: "signed-out", notice: null } : { kind: "resuming" };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly current = (): SessionState => this.state;

  async login(email: string, password: string): Promise<void> {
    this.accept(await send<Tokens>("POST", "/auth/login", { body: { email, password } }));
  }

  async register(email: string, password: string, displayName: string): Promise<void> {
    const body = displayName === "" ? { email, password } : { email, password, display_name: displayName };
    this.accept(await send<Tokens & { user: User }>("POST", "/auth/register", { body }));
  }

  /** Takes up the session of before a reload. A server that is away leaves the stored token alone. */
  async resume(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (this.state.kind === "resuming") {
        this.change({ kind: "signed-out", notice: error instanceof Error ? error.message : null });
      }
    }
  }

  async logout(): Promise<void> {
    const refreshToken = this.storage.getItem(REFRESH_KEY);
    this.forget(null);
    if (refreshToken !== null) {
      await send<null>("POST", "/auth/logout", { body: { refresh_token: refreshToken } }).catch(() => null);
    }
  }

  /** A token that is good for a while yet. `renew` refreshes it even though its time has not come. */
  async accessToken(renew = false): Promise<string> {
    if (!renew && this.access !== null && Date.now() < this.access.renewAt) return this.access.token;
    return this.refresh();
  }

  /** Sends a request as the signed-in user. */
  request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return this.asked((token) => send<T>(method, path, { ...options, token }));
  }

  /** Fetches a file as the signed-in user. */
  file(path: string, query: Query): Promise<Blob> {
    return this.asked((token) => sendForFile(path, query, token));
  }

  /** Asks with a token; a 401 is answered by one refresh and one retry. */
  private async asked<T>(ask: (token: string) => Promise<T>): Promise<T> {
    const token = await this.accessToken();
    try {
      return await ask(token);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      const renewed = this.access !== null && this.access.token !== token ? this.access.token : await this.refresh();
      return ask(renewed);
    }
  }

  private refresh(): Promise<string> {
    this.refreshing ??= this.rotate().finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  private async rotate(): Promise<string> {
    const refreshToken = this.storage.getItem(REFRESH_KEY);
    if (refreshToken === null) {
      this.forget("Sign in to go on.");
      throw new Problem(401, "Signed out", "Sign in to go on.", "signed_out");
    }
    try {
      const tokens = await send<Tokens>("POST", "/auth/refresh", { body: { refresh_token: refreshToken } });
      this.accept(tokens);
      return tokens.access_token;
    } catch (error) {
      if (error instanceof Problem && error.settled) this.forget("Your session has ended. Sign in again.");
      throw error;
    }
  }

  private accept(tokens: Tokens): void {
    const lifeMs = tokens.expires_in * 1000;
    this.access = { token: tokens.access_token, renewAt: Date.now() + lifeMs - Math.min(MARGIN_MS, lifeMs / 5) };
    this.storage.setItem(REFRESH_KEY, tokens.refresh_token);
    if (this.state.kind !== "signed-in") this.change({ kind: "signed-in" });
  }

  private forget(notice: string | null): void {
    this.access = null;
    this.storage.removeItem(REFRESH_KEY);
    this.change({ kind: "signed-out", notice });
  }

  private change(state: SessionState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
