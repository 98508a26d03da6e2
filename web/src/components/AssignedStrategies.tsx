import { useEffect, useState } from "react";
import { messageOf } from "../api/problem";
import type { Assignment } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";
import { marketTime } from "../state/format";
import { Notice, Panel } from "./parts";

function Row({ one }: { one: Assignment }) {
  const given = Object.entries(one.parameters ?? {}).map(([name, value]) => `${name}=${value}`);
  return (
    <li data-testid="assigned-strategy" data-stopped={one.stopped !== null}>
      <strong>{one.name}</strong>
      {given.length > 0 && <span className="soft"> {given.join(" ")}</span>}
      {one.sha256 !== null && (
        <span className="soft">
          , code <code title={one.sha256}>{one.sha256.slice(0, 12)}</code>
        </span>
      )}
      {one.stopped !== null && (
        <Notice tone="bad">
          {one.stopped}
          {one.stopped_at !== null && ` (${marketTime(one.stopped_at)})`}
        </Notice>
      )}
      {one.warnings.map((warning) => (
        <Notice key={warning} tone="plain">
          {warning}
        </Notice>
      ))}
    </li>
  );
}

/** The strategies that trade the account, with what there is to know of them; nothing where none does. */
export function AssignedStrategies() {
  const { api } = useTerminal();
  const orders = useTerminalState((state) => state.orders.length);
  const [assigned, setAssigned] = useState<readonly Assignment[]>([]);
  const [failure, setFailure] = useState<string | null>(null);

  useEffect(() => {
    let left = false;
    api
      .assigned()
      .then(({ items }) => {
        if (left) return;
        setAssigned(items);
        setFailure(null);
      })
      .catch((error: unknown) => !left && setFailure(messageOf(error)));
    return () => {
      left = true;
    };
  }, [api, orders]);

  if (assigned.length === 0 && failure === null) return null;
  return (
    <Panel title="Strategies" area="strategies">
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
      <ul className="plain-list">
        {assigned.map((one) => (
          <Row key={one.name} one={one} />
        ))}
      </ul>
    </Panel>
  );
}
