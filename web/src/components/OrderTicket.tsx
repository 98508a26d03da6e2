import { useEffect, useRef, useState, type FormEvent } from "react";
import { messageOf, Problem } from "../api/problem";
import type { Order, OrderType, Side, TimeInForce } from "../api/types";
import { REPLAY_OVER } from "../state/clock";
import { useTerminal, useTerminalState } from "../state/context";
import { trimZeros } from "../state/decimal";
import { money, price, quantity } from "../state/format";
import { withOrder } from "../state/terminal";
import {
  estimatedNotional,
  IntentKey,
  orderRequest,
  ticketErrors,
  type Ticket,
  type TicketErrors,
  type TicketField,
} from "../state/ticket";
import { Field, Notice, Segmented } from "./parts";

export interface TicketPrefill {
  symbol: string;
  side: Side;
  qty: string;
}

type Draft = Omit<Ticket, "symbol">;

const BLANK: Draft = { side: "buy", type: "market", qty: "", limitPrice: "", timeInForce: "day" };

type Outcome = { kind: "accepted"; order: Order } | { kind: "failed"; error: unknown } | null;

function OutcomeNotice({ outcome, paused }: { outcome: Outcome; paused: boolean }) {
  if (outcome === null) return null;
  if (outcome.kind === "accepted") {
    const { side, qty, symbol } = outcome.order;
    return (
      <Notice tone="good">
        <span data-testid="ticket-accepted">
          Accepted: {side} {quantity(qty)} {symbol}.{" "}
          {paused ? "The replay is paused; it is matched on the next bar once it plays." : "It is matched on the next bar."}
        </span>
      </Notice>
    );
  }
  const unknown = outcome.error instanceof Problem && !outcome.error.settled;
  return (
    <Notice tone="bad">
      <span data-testid="ticket-refusal">{messageOf(outcome.error)}</span>
      {unknown && <> Sending the same order again is safe: it will not be placed twice.</>}
    </Notice>
  );
}

function Estimate({ ticket }: { ticket: Ticket }) {
  const last = useTerminalState((state) => state.quotes[ticket.symbol]?.close ?? null);
  const available = useTerminalState((state) => state.portfolio?.available ?? null);
  const owned = useTerminalState(
    (state) => state.portfolio?.holdings.find((holding) => holding.symbol === ticket.symbol)?.qty ?? "0",
  );
  const notional = estimatedNotional(ticket, last);
  const buying = ticket.side === "buy";
  return (
    <dl className="estimate num">
      <div>
        <dt>Last price</dt>
        <dd>{price(last)}</dd>
      </div>
      <div>
        <dt>{buying ? "Estimated cost" : "Estimated proceeds"}</dt>
        <dd data-testid="ticket-estimate">{money(notional)}</dd>
      </div>
      <div>
        <dt>{buying ? "Available" : "You own"}</dt>
        <dd>{buying ? money(available) : quantity(owned)}</dd>
      </div>
    </dl>
  );
}

/** Places orders for the selected instrument. The idempotency key stays with one intent until the server has decided. */
export function OrderTicket({ prefill }: { prefill: TicketPrefill | null }) {
  const { api, store } = useTerminal();
  const instruments = useTerminalState((state) => state.instruments);
  const symbol = useTerminalState((state) => state.selected ?? "");
  const paused = useTerminalState((state) => state.clock?.paused ?? false);
  const ended = useTerminalState((state) => state.clock?.ended ?? false);
  const halted = useTerminalState((state) => state.portfolio?.halted ?? null);
  const [draft, setDraft] = useState<Draft>(BLANK);
  const [errors, setErrors] = useState<TicketErrors>({});
  const [outcome, setOutcome] = useState<Outcome>(null);
  const [busy, setBusy] = useState(false);
  const intent = useRef(new IntentKey());
  const ticket: Ticket = { ...draft, symbol };
  const serverError = outcome?.kind === "failed" && outcome.error instanceof Problem ? outcome.error : null;
  const errorOf = (field: TicketField) => errors[field] ?? serverError?.field(field);

  const change = (part: Partial<Draft>) => {
    setDraft((known) => ({ ...known, ...part }));
    setErrors({});
    setOutcome(null);
  };
  const choose = (chosen: string) => {
    store.update((state) => ({ ...state, selected: chosen }));
    setOutcome(null);
  };

  useEffect(() => setOutcome(null), [halted]);

  useEffect(() => {
    if (prefill === null) return;
    store.update((state) => ({ ...state, selected: prefill.symbol }));
    setDraft({ ...BLANK, side: prefill.side, qty: trimZeros(prefill.qty) });
    setErrors({});
    setOutcome(null);
  }, [prefill, store]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const found = ticketErrors(ticket);
    setErrors(found);
    setOutcome(null);
    if (Object.keys(found).length > 0) return;
    const request = orderRequest(ticket);
    setBusy(true);
    try {
      const order = await api.placeOrder(request, intent.current.for(request));
      intent.current.settle();
      store.update((state) => ({ ...state, orders: withOrder(state.orders, order, null) }));
      setOutcome({ kind: "accepted", order });
      setDraft((known) => ({ ...known, qty: "" }));
    } catch (error) {
      if (error instanceof Problem && error.settled) intent.current.settle();
      setOutcome({ kind: "failed", error });
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="ticket" onSubmit={(event) => void submit(event)} noValidate aria-label="Order ticket">
      <Segmented<Side>
        label="Side"
        className="side"
        value={draft.side}
        choices={[
          { value: "buy", label: "Buy", testId: "ticket-side-buy" },
          { value: "sell", label: "Sell", testId: "ticket-side-sell" },
        ]}
        onChange={(side) => change({ side })}
      />
      <div className="ticket-fields">
        <Field label="Instrument" error={errorOf("symbol")}>
          {(id, describedBy) => (
            <select
              id={id}
              data-testid="ticket-symbol"
              aria-describedby={describedBy}
              value={symbol}
              onChange={(event) => choose(event.target.value)}
            >
              {instruments.map((instrument) => (
                <option key={instrument.symbol} value={instrument.symbol}>
                  {instrument.symbol}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Quantity" error={errorOf("qty")}>
          {(id, describedBy) => (
            <input
              id={id}
              data-testid="ticket-qty"
              className="num"
              inputMode="decimal"
              autoComplete="off"
              placeholder="0"
              aria-describedby={describedBy}
              aria-invalid={errorOf("qty") !== undefined}
              value={draft.qty}
              onChange={(event) => change({ qty: event.target.value.trim() })}
            />
          )}
        </Field>
        <Field label="Type" error={errorOf("type")}>
          {(id, describedBy) => (
            <select
              id={id}
              data-testid="ticket-type"
              aria-describedby={describedBy}
              value={draft.type}
              onChange={(event) => change({ type: event.target.value as OrderType })}
            >
              <option value="market">Market</option>
              <option value="limit">Limit</option>
            </select>
          )}
        </Field>
        <Field label="Good for" error={errorOf("time_in_force")}>
          {(id, describedBy) => (
            <select
              id={id}
              data-testid="ticket-tif"
              aria-describedby={describedBy}
              value={draft.timeInForce}
              onChange={(event) => change({ timeInForce: event.target.value as TimeInForce })}
            >
              <option value="day">The day</option>
              <option value="gtc">Until canceled</option>
            </select>
          )}
        </Field>
        {draft.type === "limit" && (
          <Field label="Limit price" error={errorOf("limit_price")}>
            {(id, describedBy) => (
              <input
                id={id}
                data-testid="ticket-limit"
                className="num"
                inputMode="decimal"
                autoComplete="off"
                placeholder="0.00"
                aria-describedby={describedBy}
                aria-invalid={errorOf("limit_price") !== undefined}
                value={draft.limitPrice}
                onChange={(event) => change({ limitPrice: event.target.value.trim() })}
              />
            )}
          </Field>
        )}
      </div>
      <Estimate ticket={ticket} />
      <button
        type="submit"
        className={`wide submit-${draft.side}`}
        disabled={busy || ended}
        title={ended ? REPLAY_OVER : undefined}
        data-testid="ticket-submit"
      >
        {busy ? "Sending…" : `${draft.side === "buy" ? "Buy" : "Sell"} ${symbol}`}
      </button>
      {ended && <Notice tone="plain">{REPLAY_OVER}</Notice>}
      <OutcomeNotice outcome={outcome} paused={paused} />
    </form>
  );
}
