/** One place that speaks HTTP: JSON in, JSON out, a Problem when it fails. */

import { Problem, problemFrom } from "./problem";

export const API_ROOT = "/api/v1";

export type Query = Record<string, string | number | undefined>;

export interface RequestOptions {
  body?: unknown;
  query?: Query;
  token?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  const tail = search.toString();
  return `${API_ROOT}${path}${tail ? `?${tail}` : ""}`;
}

async function bodyOf(response: Response): Promise<unknown> {
  const content = await response.text();
  if (content === "") return null;
  try {
    return JSON.parse(content) as unknown;
  } catch {
    return null;
  }
}

/** A read that was one too many waits this long at most and is asked once more; a wait beyond it is for a person. */
const WAIT_MAX_S = 15;

/** Milliseconds that a refused read is to wait before it is asked again; null when it is not. */
export function waitOf(method: string, status: number, retryAfter: string | null): number | null {
  const seconds = Number(retryAfter ?? "");
  if (method !== "GET" || status !== 429 || !(seconds > 0) || seconds > WAIT_MAX_S) return null;
  return seconds * 1000;
}

/** Fetches a file as it is. */
export async function sendForFile(path: string, query: Query, token: string): Promise<Blob> {
  const response = await answerTo("GET", path, { query, token });
  if (!response.ok) throw problemFrom(response.status, await bodyOf(response));
  return response.blob();
}

/** Sends one request. The caller names the answer's shape; the contract guarantees it. */
export async function send<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  let response = await answerTo(method, path, options);
  const wait = waitOf(method, response.status, response.headers.get("Retry-After"));
  if (wait !== null) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    options.signal?.throwIfAborted();
    response = await answerTo(method, path, options);
  }
  const body = await bodyOf(response);
  if (!response.ok) throw problemFrom(response.status, body);
  return body as T;
}

async function answerTo(method: string, path: string, options: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.token !== undefined) headers["Authorization"] = `Bearer ${options.token}`;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(address(path, options.query), {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, "No answer", "No answer from the server. Check that it is running, then try again.", "offline");
  }
}
