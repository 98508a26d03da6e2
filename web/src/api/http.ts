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

/** Sends one request. The caller names the answer's shape; the contract guarantees it. */
export async function send<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.token !== undefined) headers["Authorization"] = `Bearer ${options.token}`;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, "No answer", "No answer from the server. Check that it is running, then try again.", "offline");
  }
  const body = await bodyOf(response);
  if (!response.ok) throw problemFrom(response.status, body);
  return body as T;
}
