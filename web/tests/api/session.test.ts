import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Session } from "../../src/api/session";

function storage(initial: Record<string, string>) {
  const values = new Map(Object.entries(initial));
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
}

const REFRESH = "traderbot.refresh";
let refreshes: string[];
let refusing: boolean;

function answer(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status });
}

/** A server that rotates refresh tokens (r1, r2, ...) and knows only the latest access token. */
function serve(url: string, init: RequestInit): Response {
  if (url.endsWith("/auth/refresh")) {
    const { refresh_token: given } = JSON.parse(init.body as string) as { refresh_token: string };
    refreshes.push(given);
    if (refusing) return answer(401, { title: "No", detail: "revoked", code: "revoked" });
    const next = refreshes.length + 1;
    return answer(200, { access_token: `a${next}`, refresh_token: `r${next}`, token_type: "bearer", expires_in: 900 });
  }
  const token = new Headers(init.headers).get("Authorization");
  return token === `Bearer a${refreshes.length + 1}` ? answer(200, { ok: true }) : answer(401, { title: "Ended" });
}

beforeEach(() => {
  refreshes = [];
  refusing = false;
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => Promise.resolve(serve(url, init)));
});
afterEach(() => vi.unstubAllGlobals());

describe("refreshing", () => {
  it("runs once for many requests and stores the rotated token", async () => {
    const kept = storage({ [REFRESH]: "r1" });
    const session = new Session(kept);
    await Promise.all([session.request("GET", "/a"), session.request("GET", "/b"), session.resume()]);
    expect(refreshes).toEqual(["r1"]);
    expect(kept.getItem(REFRESH)).toBe("r2");
    expect(session.current().kind).toBe("signed-in");
  });
  it("answers a 401 by one refresh and one retry", async () => {
    const session = new Session(storage({ [REFRESH]: "r1" }));
    await session.resume();
    refreshes.push("taken by somebody");
    await expect(session.request("GET", "/a")).resolves.toEqual({ ok: true });
    expect(refreshes.at(-1)).toBe("r2");
  });
  it("signs out when the server refuses the refresh token", async () => {
    refusing = true;
    const kept = storage({ [REFRESH]: "r1" });
    const session = new Session(kept);
    await session.resume();
    expect(session.current()).toEqual({ kind: "signed-out", notice: "Your session has ended. Sign in again." });
    expect(kept.getItem(REFRESH)).toBeNull();
  });
  it("keeps the refresh token when the server is away", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("network")));
    const kept = storage({ [REFRESH]: "r1" });
    await new Session(kept).resume();
    expect(kept.getItem(REFRESH)).toBe("r1");
  });
});
