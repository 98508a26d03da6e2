import { useEffect, useRef, useState, type FormEvent } from "react";
import { messageOf, Problem } from "../api/problem";
import type { Order, OrderType, Side } from "../api/types";
import { REPLAY_OVER } from "../state/clock";
import { useTerminal, useTerminalState } from "../state/context";
import { trimZeros } from "../state/decimal";
import { money, price, quantity, sizeOf } from "../state/format";
import { withPlaced } from "../state/terminal";
import {
  estimatedNotional,
  hasLimit,
  hasStop,
  IntentKey,
  LIVES,
  livesOf,
  orderRequest,
  ticketErrors,
  TYPE_WORDS,
  type Ticket,
  type TicketErrors,
  type TicketField,
} from "../state/ticket";
import { Amount, Choice, Field, Notice, Segmented } from "./parts";

export interface TicketPrefill {
  symbol: string;
  side: Side;
  qty: string;
}

type Draft = Omit<Ticket, "symbol">;

const BLANK: Draft = {
  side: "buy",
  type: "market",
  qty: "",
  limitPrice: "",
  stopPrice: "",
  trailPercent: "",
  timeInForce: "day",
  exits: false,
  takeProfit: "",
  stopLoss: "",
};

type Outcome = { kind: "accepted"; order: Order } | { kind: "failed"; error: unknown } | null;

function OutcomeNotice({ outcome, paused }: { outcome: Outcome; paused: boolean }) {
  if (outcome === null) return null;
  if (outcome.kind === "accepted") {
    const { side, symbol, legs } = outcome.order;
    return (
      <Notice tone="good">
        <span data-testid="ticket-accepted">
          Accepted: {side} {sizeOf(outcome.order)} {symbol}.{" "}
          {legs !== null && "Its exits wait for it. "}
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
    setDraft((known) => {
      const next = { ...known, ...part };
      return livesOf(next).includes(next.timeInForce) ? next : { ...next, timeInForce: "day" };
    });
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
      store.update((state) => ({ ...state, orders: withPlaced(state.orders, order) }));
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
        <Amount label="Quantity" testId="ticket-qty" error={errorOf("qty")} value={draft.qty} onChange={(qty) => change({ qty })} />
        <Choice
          label="Type"
          testId="ticket-type"
          error={errorOf("type")}
          value={draft.type}
          choices={Object.keys(TYPE_WORDS) as OrderType[]}
          words={TYPE_WORDS}
          onChange={(type) => change({ type })}
        />
        <Choice
          label="Good for"
          testId="ticket-tif"
          error={errorOf("time_in_force")}
          value={draft.timeInForce}
          choices={livesOf(draft)}
          words={LIVES}
          onChange={(timeInForce) => change({ timeInForce })}
        />
        {hasStop(draft.type) && (
          <Amount
            label="Stop price"
            testId="ticket-stop"
            error={errorOf("stop_price")}
            value={draft.stopPrice}
            onChange={(stopPrice) => change({ stopPrice })}
          />
        )}
        {hasLimit(draft.type) && (
          <Amount
            label="Limit price"
            testId="ticket-limit"
            error={errorOf("limit_price")}
            value={draft.limitPrice}
            onChange={(limitPrice) => change({ limitPrice })}
          />
        )}
        {draft.type === "trailing_stop" && (
          <Amount
            label="Trails by, %"
            testId="ticket-trail"
            error={errorOf("trail_percent")}
            value={draft.trailPercent}
            onChange={(trailPercent) => change({ trailPercent })}
          />
        )}
        <label className="check wide-field">
          <input
            type="checkbox"
            data-testid="ticket-exits"
            checked={draft.exits}
            onChange={(event) => change({ exits: event.target.checked })}
          />
          With exits, placed once it is filled
        </label>
        {draft.exits && (
          <>
            <Amount
              label="Take profit at"
              testId="ticket-take-profit"
              error={errorOf("take_profit.limit_price")}
              value={draft.takeProfit}
              onChange={(takeProfit) => change({ takeProfit })}
            />
            <Amount
              label="Stop loss at"
              testId="ticket-stop-loss"
              error={errorOf("stop_loss.stop_price")}
              value={draft.stopLoss}
              onChange={(stopLoss) => change({ stopLoss })}
            />
          </>
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
