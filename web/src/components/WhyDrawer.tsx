import { useEffect, useRef, useState } from "react";
import { messageOf } from "../api/problem";
import type { ChainLink, Contribution, ModelCard, Order, Placer, Signal, Why } from "../api/types";
import { useTerminal } from "../state/context";
import { count, figure, marketDate, marketTime, money, price, quantity, sizeOf, share, words } from "../state/format";
import { trackRecord } from "../state/model";
import { Notice } from "./parts";

function OrderFacts({ order }: { order: Order }) {
  const facts: [string, string][] = [
    ["Status", words(order.status)],
    ["Filled", `${quantity(order.filled_qty)} of ${sizeOf(order)}`],
    ["Average price", price(order.filled_avg_price)],
    ["Limit", price(order.limit_price)],
    ["Held", money(order.hold)],
    ["Placed", marketTime(order.placed_at)],
  ];
  return (
    <>
      <dl className="facts num">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {order.reason !== null && <Notice tone="plain">{words(order.reason)}</Notice>}
    </>
  );
}

function Contributions({ items }: { items: readonly Contribution[] }) {
  const largest = Math.max(...items.map((item) => Math.abs(Number(item.contribution))), Number.MIN_VALUE);
  return (
    <ul className="contributions">
      {items.map((item) => {
        const raises = item.effect === "raises";
        const width = (Math.abs(Number(item.contribution)) / largest) * 50;
        return (
          <li key={item.feature}>
            <span className="contribution-head">
              <span>{item.label}</span>
              <span className={`contribution-effect num ${raises ? "up" : "down"}`}>
                {raises ? "▲ raises " : "▼ lowers "}
                {figure(Math.abs(Number(item.contribution)))}
              </span>
            </span>
            <span className="contribution-bar" aria-hidden="true">
              <span
                className={raises ? "raises" : "lowers"}
                style={{ width: `${width}%`, [raises ? "left" : "right"]: "50%" }}
              />
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Model({ model }: { model: ModelCard }) {
  const record = trackRecord(model);
  return (
    <p className="soft model num">
      Model <code>{model.version}</code>, trained on {marketDate(model.trained_from)} to {marketDate(model.trained_to)} (
      {count(model.samples)} samples){record !== null && `: ${record}`}.
    </p>
  );
}

function SignalStory({ signal }: { signal: Signal }) {
  const { rationale } = signal;
  return (
    <>
      <p className="why-summary">
        <span className={`badge action-${signal.action}`}>{signal.action}</span> {rationale.summary}
      </p>
      <dl className="facts num">
        <div>
          <dt>Probability of a rise</dt>
          <dd>{share(signal.probability)}</dd>
        </div>
        <div>
          <dt>Confidence</dt>
          <dd>{share(signal.confidence)}</dd>
        </div>
        <div>
          <dt>Target weight</dt>
          <dd>{share(signal.target_weight)}</dd>
        </div>
        <div>
          <dt>Strategy</dt>
          <dd>{signal.strategy}</dd>
        </div>
      </dl>
      {rationale.contributions.length > 0 && (
        <>
          <h3>
            What moved the probability <span className="soft unit">(log-odds)</span>
          </h3>
          <Contributions items={rationale.contributions} />
        </>
      )}
      {rationale.model !== null && <Model model={rationale.model} />}
    </>
  );
}

function Chain({ links, signalShown }: { links: readonly ChainLink[]; signalShown: boolean }) {
  return (
    <ol className="chain">
      {links.map((link) => (
        <li key={link.position} data-testid="why-event">
          <div className="chain-head">
            <strong>{link.title}</strong>
            <time className="soft num" dateTime={link.time}>
              {marketTime(link.time)}
            </time>
          </div>
          {!(signalShown && link.type === "SignalRaised") && <p>{link.detail}</p>}
          <p className="faint num">
            {link.type}, journal position {link.position}
          </p>
        </li>
      ))}
    </ol>
  );
}

/** Which code placed the order, and with what. */
function PlacerFacts({ placer }: { placer: Placer }) {
  const given = Object.entries(placer.parameters ?? {}).map(([name, value]) => `${name}=${value}`);
  return (
    <p data-testid="why-strategy">
      Placed by the strategy <strong>{placer.name}</strong>
      {placer.source !== null && placer.source !== placer.name && (
        <>
          {" "}
          from <code>{placer.source}</code>
        </>
      )}
      {given.length > 0 && <> with {given.join(", ")}</>}
      {placer.sha256 !== null && (
        <span className="soft">
          , code <code title={placer.sha256}>{placer.sha256.slice(0, 12)}</code>
        </span>
      )}
      .
    </p>
  );
}

function Story({ why }: { why: Why }) {
  return (
    <>
      <OrderFacts order={why.order} />
      <h3>The decision</h3>
      {why.strategy !== null && <PlacerFacts placer={why.strategy} />}
      {why.signal !== null && <SignalStory signal={why.signal} />}
      {why.signal === null && (
        <p className="soft">
          {why.strategy === null ? "Placed by hand: no signal stands" : "The strategy gave no signal"} behind this order.
        </p>
      )}
      <h3>What happened</h3>
      <Chain links={why.chain} signalShown={why.signal !== null} />
    </>
  );
}

type Answer = { kind: "loading" } | { kind: "known"; why: Why } | { kind: "failed"; message: string };

/** Fetches the story of one order, again whenever that order changes. */
function useWhy(orderId: string | null): Answer {
  const { api, store } = useTerminal();
  const [answer, setAnswer] = useState<Answer>({ kind: "loading" });

  useEffect(() => {
    if (orderId === null) return;
    let request = new AbortController();
    const orderNow = () => store.get().orders.find((entry) => entry.order.id === orderId)?.order;
    const ask = () => {
      request.abort();
      const current = new AbortController();
      request = current;
      api
        .why(orderId, current.signal)
        .then((why) => setAnswer({ kind: "known", why }))
        .catch((error: unknown) => {
          if (!current.signal.aborted) setAnswer({ kind: "failed", message: messageOf(error) });
        });
    };
    setAnswer({ kind: "loading" });
    ask();
    let order = orderNow();
    const unsubscribe = store.subscribe(() => {
      const fresh = orderNow();
      if (fresh !== order) ask();
      order = fresh;
    });
    return () => {
      unsubscribe();
      request.abort();
    };
  }, [api, store, orderId]);

  return answer;
}

interface WhyDrawerProps {
  orderId: string | null;
  onClose: () => void;
}

/** From the signal and its reasons to the fills: why an order exists and what became of it. */
export function WhyDrawer({ orderId, onClose }: WhyDrawerProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const answer = useWhy(orderId);

  useEffect(() => {
    if (orderId !== null) dialog.current?.showModal();
    else dialog.current?.close();
  }, [orderId]);

  const order = answer.kind === "known" ? answer.why.order : null;
  return (
    <dialog
      ref={dialog}
      className="drawer"
      data-testid="why-drawer"
      aria-labelledby="why-title"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      {orderId !== null && (
        <div className="drawer-body">
          <header className="drawer-head">
            <h2 id="why-title">
              Why{order !== null && <> {`${order.side} ${sizeOf(order)} ${order.symbol}`}</>}?
            </h2>
            <button type="button" className="quiet" data-testid="why-close" onClick={onClose}>
              Close
            </button>
          </header>
          {answer.kind === "loading" && <p className="soft">Reading the journal…</p>}
          {answer.kind === "failed" && <Notice tone="bad">{answer.message}</Notice>}
          {answer.kind === "known" && <Story why={answer.why} />}
        </div>
      )}
    </dialog>
  );
}
