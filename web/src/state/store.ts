/** A store of one value: change it, be told, read a part of it from a component. */

import { useCallback, useSyncExternalStore } from "react";

export interface Store<State> {
  get(): State;
  update(change: (state: State) => State): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<State>(initial: State): Store<State> {
  let state = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    update(change) {
      const next = change(state);
      if (Object.is(next, state)) return;
      state = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The selected part of the store; `select` must give back the same object while nothing changed. */
export function useSelected<State, Part>(store: Store<State>, select: (state: State) => Part): Part {
  const part = useCallback(() => select(store.get()), [store, select]);
  return useSyncExternalStore(store.subscribe, part);
}
