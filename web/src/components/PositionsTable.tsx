import { memo } from "react";
import type { Position } from "../api/types";
import { useTerminal, useTerminalState } from "../state/context";
import { negate, ratio, signOf } from "../state/decimal";
import { money, percent, price, quantity } from "../state/format";
import type { TicketPrefill } from "./OrderTicket";
import { Empty, Panel, Signed } from "./parts";

interface RowProps {
  position: Position;
  onSelect: (symbol: string) => void;
  onClosePosition: (prefill: TicketPrefill) => void;
}

const PositionRow = memo(function PositionRow({ position, onSelect, onClosePosition }: RowProps) {
  const gain = ratio(position.unrealised_pnl, position.cost_basis, 6);
  const close = () => {
    const long = signOf(position.qty) >= 0;
    onClosePosition({
      symbol: position.symbol,
      side: long ? "sell" : "buy",
      qty: long ? position.qty : negate(position.qty),
    });
  };
  return (
    <tr data-testid="position-row" data-symbol={position.symbol}>
      <th scope="row">
        <button type="button" className="link strong" onClick={() => onSelect(position.symbol)}>
          {position.symbol}
        </button>
      </th>
      <td>{quantity(position.qty)}</td>
      <td>{price(position.avg_entry_price)}</td>
      <td>{price(position.mark)}</td>
      <td>{money(position.market_value)}</td>
      <td>
        <Signed value={position.day_change} text={money(position.day_change, true)} />
      </td>
      <td>
        <Signed value={position.unrealised_pnl} text={money(position.unrealised_pnl, true)} />{" "}
        <span className="soft">{percent(gain, true)}</span>
      </td>
      <td className="act">
        <button type="button" className="small" aria-label={`Close position in ${position.symbol}`} onClick={close}>
          Close
        </button>
      </td>
    </tr>
  );
});

/** What the account owns. "Close" fills the ticket; it sends nothing by itself. */
export function PositionsTable({ onClosePosition }: { onClosePosition: (prefill: TicketPrefill) => void }) {
  const { store } = useTerminal();
  const holdings = useTerminalState((state) => state.portfolio?.holdings);
  const select = (symbol: string) => store.update((state) => ({ ...state, selected: symbol }));
  const owned = (holdings ?? []).filter((holding) => signOf(holding.qty) !== 0);
  return (
    <Panel title="Positions" area="positions">
      <div className="scroll" tabIndex={0} role="region" aria-label="Positions, scrollable">
        <table data-testid="positions-table" className="num">
          <thead>
            <tr>
              <th scope="col">Symbol</th>
              <th scope="col">Quantity</th>
              <th scope="col">Avg entry</th>
              <th scope="col">Mark</th>
              <th scope="col">Value</th>
              <th scope="col">Day</th>
              <th scope="col">Unrealised</th>
              <th scope="col">
                <span className="visually-hidden">Close</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {owned.map((position) => (
              <PositionRow
                key={position.symbol}
                position={position}
                onSelect={select}
                onClosePosition={onClosePosition}
              />
            ))}
          </tbody>
        </table>
        {owned.length === 0 && (
          <Empty>Nothing owned yet. Place an order in the ticket, or let the clock play until a signal acts.</Empty>
        )}
      </div>
    </Panel>
  );
}
