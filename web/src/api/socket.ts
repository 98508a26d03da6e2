/** The live connection: authenticates, subscribes, and comes back by itself from where it was. */

import { API_ROOT } from "./http";
import { Problem } from "./problem";
import { backoff, resumePosition } from "./resume";
import type { Channel, Frame } from "./types";

const CHANNELS: readonly Channel[] = ["prices", "orders", "portfolio", "signals", "clock", "inbox", "backtests"];
const KNOWN_FRAMES: ReadonlySet<string> = new Set([
  "authenticated",
  "subscribed",
  "prices",
  "clock",
  "portfolio",
  "inbox",
  "backtest",
  "validation",
  "sweep",
  "order",
  "signal",
  "error",
]);

export type Connection = "connecting" | "live" | "waiting";

export interface SocketEvents {
  onFrame(frame: Frame): void;
  onConnection(connection: Connection): void;
  /** A subscription without a past: what happened before it must be asked for. */
  onFreshStart(): void;
}

/** A frame this page knows, or null: a newer server may say more than an older page understands. */
export function parseFrame(text: unknown): Frame | null {
  if (typeof text !== "string") return null;
  try {
    const value = JSON.parse(text) as { type?: unknown } | null;
    return typeof value?.type === "string" && KNOWN_FRAMES.has(value.type) ? (value as Frame) : null;
  } catch {
    return null;
  }
}

export function socketAddress(location: { protocol: string; host: string }): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${API_ROOT}/ws`;
}

export class LiveSocket {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private seen: number | null = null;
  private refused = false;
  private stopped = false;
  private opening = false;
  private readonly address: string;
  private readonly token: (renew: boolean) => Promise<string>;
  private readonly events: SocketEvents;

  /** `token(renew)` gives an access token; it is renewed when the server refused the last one. */
  constructor(address: string, token: (renew: boolean) => Promise<string>, events: SocketEvents) {
    this.address = address;
    this.token = token;
    this.events = events;
  }

  start(): void {
    window.addEventListener("online", this.retryNow);
    void this.connect();
  }

  stop(): void {
    this.stopped = true;
    window.removeEventListener("online", this.retryNow);
    clearTimeout(this.timer);
    this.socket?.close();
  }

  private readonly retryNow = (): void => {
    if (this.socket !== null || this.opening) return;
    clearTimeout(this.timer);
    void this.connect();
  };

  private async connect(): Promise<void> {
    this.events.onConnection("connecting");
    this.opening = true;
    try {
      const token = await this.token(this.refused);
      if (!this.stopped) this.open(token);
    } catch (error) {
      const signedOut = error instanceof Problem && error.settled;
      if (!signedOut) this.comeBackLater();
    } finally {
      this.opening = false;
    }
  }

  private open(token: string): void {
    const socket = new WebSocket(this.address);
    this.socket = socket;
    let authenticated = false;
    socket.onopen = () => socket.send(JSON.stringify({ action: "authenticate", token }));
    socket.onmessage = (message: MessageEvent<unknown>) => {
      const frame = parseFrame(message.data);
      if (frame === null) return;
      if (frame.type === "authenticated") {
        authenticated = true;
        this.refused = false;
        this.subscribe(socket);
      } else if (frame.type === "error" && !authenticated) {
        this.refused = true;
      } else if (frame.type === "error" && frame.code === "position_ahead") {
        this.seen = null; // another journal than the one seen before: begin anew
      }
      this.receive(frame);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.socket = null;
      this.comeBackLater();
    };
  }

  private subscribe(socket: WebSocket): void {
    const after = this.seen === null ? {} : { after: this.seen };
    socket.send(JSON.stringify({ action: "subscribe", channels: CHANNELS, ...after }));
  }

  private receive(frame: Frame): void {
    const fresh = frame.type === "subscribed" && this.seen === null;
    this.seen = resumePosition(this.seen, frame);
    if (frame.type === "subscribed") {
      this.attempt = 0;
      this.events.onConnection("live");
      if (fresh) this.events.onFreshStart();
    }
    this.events.onFrame(frame);
  }

  private comeBackLater(): void {
    if (this.stopped) return;
    this.events.onConnection("waiting");
    this.timer = setTimeout(() => void this.connect(), backoff(this.attempt, Math.random()));
    this.attempt += 1;
  }
}
