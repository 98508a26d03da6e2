import { useRef, useState, type FormEvent } from "react";
import { messageOf, Problem } from "../api/problem";
import type { Order } from "../api/types";
import { useTerminal } from "../state/context";
import { editErrors, editOf, has, orderChange, type OrderEdit, type OrderEditErrors } from "../state/orderEdit";
import { withOrder } from "../state/terminal";
import { IntentKey } from "../state/ticket";
import { Amount } from "./parts";

/** Replaces an open order by one with another quantity or price; both stay linked in the journal. */
export function OrderEditForm({ order, onDone }: { order: Order; onDone: () => void }) {
  const { api, store } = useTerminal();
  const [edit, setEdit] = useState<OrderEdit>(() => editOf(order));
  const [errors, setErrors] = useState<OrderEditErrors>({});
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const intent = useRef(new IntentKey());

  const change = (part: Partial<OrderEdit>) => {
    setEdit((known) => ({ ...known, ...part }));
    setErrors({});
    setFailure(null);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const found = editErrors(order, edit);
    setErrors(found);
    setFailure(null);
    if (Object.keys(found).length > 0) return;
    const wanted = orderChange(order, edit);
    if (wanted === null) return onDone();
    setBusy(true);
    try {
      const replacement = await api.changeOrder(order.id, wanted, intent.current.for(wanted));
      store.update((state) => ({ ...state, orders: withOrder(state.orders, replacement, null) }));
      onDone();
    } catch (error) {
      if (error instanceof Problem && error.settled) intent.current.settle();
      setFailure(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <form
      className="order-edit"
      data-testid="order-edit-form"
      aria-label={`Change the ${order.symbol} order`}
      noValidate
      onSubmit={(event) => void submit(event)}
    >
      <Amount
        label="Quantity, in total"
        testId="order-edit-qty"
        value={edit.qty}
        error={errors.qty}
        onChange={(qty) => change({ qty })}
      />
      {has(order, "limit_price") && (
        <Amount
          label="Limit price"
          testId="order-edit-limit"
          value={edit.limitPrice}
          error={errors.limit_price}
          onChange={(limitPrice) => change({ limitPrice })}
        />
      )}
      {has(order, "stop_price") && (
        <Amount
          label="Stop price"
          testId="order-edit-stop"
          value={edit.stopPrice}
          error={errors.stop_price}
          onChange={(stopPrice) => change({ stopPrice })}
        />
      )}
      {has(order, "trail") && (
        <Amount
          label={order.trail_percent === null ? "Trails by" : "Trails by, %"}
          testId="order-edit-trail"
          value={edit.trail}
          error={errors.trail}
          onChange={(trail) => change({ trail })}
        />
      )}
      <button type="submit" className="primary" disabled={busy} data-testid="order-edit-submit">
        {busy ? "Sending…" : "Change order"}
      </button>
      <button type="button" className="quiet" onClick={onDone}>
        Leave as it is
      </button>
      {failure !== null && (
        <p className="field-error" role="alert" data-testid="order-edit-refusal">
          {failure}
        </p>
      )}
    </form>
  );
}
