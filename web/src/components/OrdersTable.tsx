import { Fragment, memo, useCallback, useMemo, useState } from "react";
import { messageOf } from "../api/problem";
import type { Order } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";
import { marketTime, price, quantity, sizeOf, words } from "../state/format";
import { isEditable } from "../state/orderEdit";
import { isOpen, withOrder, withToast, type OrderEntry } from "../state/terminal";
import { OrderEditForm } from "./OrderEditForm";
import { Empty, Panel, Segmented } from "./parts";

type Filter = "all" | "open";
const SHOWN_AT_ONCE = 40;
const COLUMNS = 11;

interface RowProps {
  order: Order;
  onWhy: (orderId: string) => void;
  onCancel: (order: Order) => void;
  onEdit: (orderId: string) => void;
}

/** "limit", "trailing stop 5%", "stop, stop loss of a group". */
function kindOf(order: Order): string {
  const trail = order.trail_percent === null ? price(order.trail_price) : `${quantity(order.trail_percent)}%`;
  const kind = order.type === "trailing_stop" ? `${words(order.type)} ${trail}` : words(order.type);
  if (order.leg === null) return kind;
  return order.leg === "entry" ? `${kind}, with exits` : `${kind}, ${words(order.leg)}`;
}

const OrderRow = memo(function OrderRow({ order, onWhy, onCancel, onEdit }: RowProps) {
  return (
    <tr
      className="clickable"
      data-testid="order-row"
      data-status={order.status}
      data-order-id={order.id}
      data-leg={order.leg ?? undefined}
      data-symbol={order.symbol}
      onClick={() => onWhy(order.id)}
    >
      <td className="left soft">{marketTime(order.placed_at)}</td>
      <th scope="row">{order.symbol}</th>
      <td className={`left side-${order.side}`}>
        {order.side} <span className="soft">{kindOf(order)}</span>
      </td>
      <td className="left">
        <span className={`badge ${order.status}`} title={order.reason ?? undefined}>
          {words(order.status)}
        </span>
      </td>
      <td>
        {quantity(order.filled_qty)} / {sizeOf(order)}
      </td>
      <td>{price(order.limit_price)}</td>
      <td>{price(order.stop_price)}</td>
      <td>{price(order.filled_avg_price)}</td>
      <td className="left soft">{order.time_in_force}</td>
      <td className="left soft">{order.strategy ?? "you"}</td>
      <td className="act" onClick={(event) => event.stopPropagation()}>
        {isOpen(order) && (
          <>
            {isEditable(order) && (
              <button type="button" className="small" data-testid="order-edit" onClick={() => onEdit(order.id)}>
                Edit<span className="visually-hidden"> {order.symbol} order</span>
              </button>
            )}
            <button type="button" className="small" data-testid="order-cancel" onClick={() => onCancel(order)}>
              Cancel<span className="visually-hidden"> {order.symbol} order</span>
            </button>
          </>
        )}
        <button type="button" className="small" data-testid="order-why" onClick={() => onWhy(order.id)}>
          Why<span className="visually-hidden"> this {order.symbol} order</span>
        </button>
      </td>
    </tr>
  );
});

function OrderRows({ entries, onWhy }: { entries: readonly OrderEntry[]; onWhy: (orderId: string) => void }) {
  const { api, store } = useTerminal();
  const [edited, setEdited] = useState<string | null>(null);
  const stopEditing = useCallback(() => setEdited(null), []);
  const cancel = useCallback(
    (order: Order) => {
      api
        .cancelOrder(order.id)
        .then((canceled) =>
          store.update((state) => ({ ...state, orders: withOrder(state.orders, canceled, null) })),
        )
        .catch((error: unknown) =>
          store.update((state) =>
            withToast(state, { tone: "plain", title: "Not canceled", detail: messageOf(error) }),
          ),
        );
    },
    [api, store],
  );
  return entries.map(({ order }) => (
    <Fragment key={order.id}>
      <OrderRow order={order} onWhy={onWhy} onCancel={cancel} onEdit={setEdited} />
      {edited === order.id && isOpen(order) && (
        <tr>
          <td colSpan={COLUMNS} className="left">
            <OrderEditForm order={order} onDone={stopEditing} />
          </td>
        </tr>
      )}
    </Fragment>
  ));
}

/** Orders, newest first; a click on one asks why it exists. */
export function OrdersTable({ onWhy }: { onWhy: (orderId: string) => void }) {
  const orders = useTerminalState((state) => state.orders);
  const [filter, setFilter] = useState<Filter>("all");
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  const open = useMemo(() => orders.filter((entry) => isOpen(entry.order)), [orders]);
  const listed = filter === "open" ? open : orders;
  return (
    <Panel
      title="Orders"
      area="orders"
      tools={
        <Segmented<Filter>
          label="Which orders"
          className="compact"
          value={filter}
          choices={[
            { value: "all", label: "All" },
            { value: "open", label: `Open (${open.length})` },
          ]}
          onChange={setFilter}
        />
      }
    >
      <div className="scroll" tabIndex={0} role="region" aria-label="Orders, scrollable">
        <table data-testid="orders-table" className="num">
          <thead>
            <tr>
              <th scope="col" className="left">
                Placed (New York)
              </th>
              <th scope="col">Symbol</th>
              <th scope="col" className="left">
                Order
              </th>
              <th scope="col" className="left">
                Status
              </th>
              <th scope="col">Filled / qty</th>
              <th scope="col">Limit</th>
              <th scope="col">Stop</th>
              <th scope="col">Avg price</th>
              <th scope="col" className="left">
                TIF
              </th>
              <th scope="col" className="left">
                From
              </th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            <OrderRows entries={listed.slice(0, shown)} onWhy={onWhy} />
          </tbody>
        </table>
        {listed.length === 0 && (
          <Empty>
            {filter === "open"
              ? "No open orders. What you place shows here until it is filled, canceled or expired."
              : "No orders yet. Place one in the ticket; a click on it here tells why it exists and what became of it."}
          </Empty>
        )}
        {listed.length > shown && (
          <button type="button" className="link more" onClick={() => setShown(shown + SHOWN_AT_ONCE)}>
            Show older orders
          </button>
        )}
      </div>
    </Panel>
  );
}
