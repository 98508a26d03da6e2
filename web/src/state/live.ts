/** Keeps the store true: the first picture by requests, everything after by the websocket. */

import type { Api } from "../api/endpoints";
import { messageOf } from "../api/problem";
import type { Session } from "../api/session";
import { LiveSocket, socketAddress } from "../api/socket";
import type { Frame, Order } from "../api/types";
import { batchByFrame } from "./batch";
import type { Store } from "./store";
import { applyFrames, applySnapshot, type Snapshot, type TerminalState } from "./terminal";

/** If the websocket is not up by then, the first picture is fetched without it. */
const PATIENCE_MS = 1500;
const FIRST_ORDERS = 100;
const FIRST_SIGNALS = 60;

/** The latest orders, and every open one even when it is older than those. */
async function fetchOrders(api: Api): Promise<Order[]> {
  const [latest, open] = await Promise.all([
    api.orders({ status: "all", limit: FIRST_ORDERS }),
    api.orders({ status: "open", limit: FIRST_ORDERS }),
  ]);
  const ids = new Set(latest.items.map((order) => order.id));
  return [...latest.items, ...open.items.filter((order) => !ids.has(order.id))];
}

async function fetchSnapshot(api: Api): Promise<Snapshot> {
  const [clock, portfolio, instruments, orders, signals] = await Promise.all([
    api.clock(),
    api.portfolio(),
    api.instruments(),
    fetchOrders(api),
    api.signals(FIRST_SIGNALS),
  ]);
  return { clock, portfolio, instruments, orders, signals: signals.items };
}

export interface LiveFeed {
  reload(): void;
  stop(): void;
}

export function startLive(session: Session, api: Api, store: Store<TerminalState>): LiveFeed {
  let stopped = false;
  const batch = batchByFrame<Frame>((frames) => store.update((state) => applyFrames(state, frames)));

  const reload = (): void => {
    Promise.all([fetchSnapshot(api), api.me()])
      .then(([snapshot, user]) => {
        if (!stopped) store.update((state) => ({ ...applySnapshot(state, snapshot), user }));
      })
      .catch((error: unknown) => {
        if (!stopped) store.update((state) => ({ ...state, loadError: messageOf(error) }));
      });
  };
  const impatience = setTimeout(reload, PATIENCE_MS);
  const socket = new LiveSocket(socketAddress(window.location), (renew) => session.accessToken(renew), {
    onFrame: batch.push,
    onConnection: (connection) => store.update((state) => ({ ...state, connection })),
    onFreshStart: () => {
      clearTimeout(impatience);
      reload();
    },
  });
  socket.start();

  return {
    reload,
    stop() {
      stopped = true;
      clearTimeout(impatience);
      socket.stop();
      batch.stop();
    },
  };
}
