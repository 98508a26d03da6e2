import type { Draft, Proposal, Remark, RiskFigures } from "../api/rebalancingTypes";
import { figure, marketDate, money, percent, price, quantity, share } from "../state/format";
import { isUnderWay, standingOf } from "../state/rebalancing";
import { Figures } from "./Figures";
import { FrontierChart } from "./FrontierChart";
import { Empty, Notice } from "./parts";

function Weights({ draft }: { draft: Draft }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Weights, scrollable">
      <table className="num">
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            <th scope="col">Shares</th>
            <th scope="col">Weight</th>
            <th scope="col">Target</th>
            <th scope="col">Shares after</th>
            <th scope="col">Weight after</th>
          </tr>
        </thead>
        <tbody>
          {draft.lines.map((line) => (
            <tr key={line.symbol} data-testid="proposal-line">
              <th scope="row">{line.symbol}</th>
              <td>{quantity(line.qty_before)}</td>
              <td>{percent(line.weight_before)}</td>
              <td>{percent(line.target)}</td>
              <td>{quantity(line.qty_after)}</td>
              <td>{percent(line.weight_after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Trades({ draft }: { draft: Draft }) {
  if (draft.trades.length === 0) return <Empty>Nothing has to be traded.</Empty>;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Orders, scrollable">
      <table className="num">
        <thead>
          <tr>
            <th scope="col">Order</th>
            <th scope="col">Shares</th>
            <th scope="col">Mark</th>
            <th scope="col">Value</th>
            <th scope="col">Limit</th>
            <th scope="col">Costs</th>
            <th scope="col">Short-term gain</th>
            <th scope="col">Long-term gain</th>
          </tr>
        </thead>
        <tbody>
          {draft.trades.map((trade) => (
            <tr key={trade.symbol} data-testid="proposal-trade" data-side={trade.side}>
              <th scope="row">
                {trade.side} {trade.symbol}
              </th>
              <td>{quantity(trade.qty)}</td>
              <td>{price(trade.mark)}</td>
              <td>{money(trade.value)}</td>
              <td>{trade.limit === null ? "market" : price(trade.limit)}</td>
              <td>
                {money(trade.fee)} + {money(trade.slippage)}
              </td>
              <td>{trade.side === "sell" ? money(trade.gains.short, true) : ""}</td>
              <td>{trade.side === "sell" ? money(trade.gains.long, true) : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Risk({ draft }: { draft: Draft }) {
  const loss = (found: RiskFigures["var"]) => (found === null ? money(null) : `${money(found.amount)}, ${share(found.share)}`);
  const rows: [string, (found: RiskFigures) => string][] = [
    ["Value at risk of a day, 95%", (found) => loss(found.var)],
    ["Expected shortfall", (found) => loss(found.shortfall)],
    ["Volatility of the past year", (found) => share(found.volatility)],
    ["Beta", (found) => figure(found.beta)],
    ["Largest position", (found) => share(found.largest)],
  ];
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Risk, scrollable">
      <table className="num" data-testid="proposal-risk">
        <thead>
          <tr>
            <th scope="col">Risk</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, text]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{text(draft.risk_before)}</td>
              <td>{text(draft.risk_after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Remarks({ remarks }: { remarks: readonly Remark[] }) {
  if (remarks.length === 0) return null;
  return (
    <ul className="reasons soft">
      {remarks.map((one) => (
        <li key={`${one.symbol} ${one.code} ${one.detail}`}>
          {one.symbol === null ? "" : `${one.symbol}: `}
          {one.detail}
        </li>
      ))}
    </ul>
  );
}

interface ProposalProps {
  proposal: Proposal;
  mayAct: boolean;
  failure: string | null;
  onDecide: (way: "approve" | "reject") => void;
}

/** A proposal whole, and the decision on it. */
export function ProposalView({ proposal, mayAct, failure, onDecide }: ProposalProps) {
  const { draft, status } = proposal;
  const open = status === "proposed" || isUnderWay(proposal);
  return (
    <div className="page-body">
      <p role="status">
        <span className="badge" data-status={status} data-testid="proposal-status">
          {status}
        </span>{" "}
        {standingOf(proposal)} <span className="soft num">{marketDate(draft.as_of)}</span>
      </p>
      {failure !== null && <Notice tone="bad">{failure}</Notice>}
      <Figures
        label="What it costs"
        testId="proposal-costs"
        figures={[
          { name: "Turnover", text: percent(draft.turnover) },
          { name: "Fees", text: money(draft.fees) },
          { name: "Slippage", text: money(draft.slippage) },
          { name: "Tax, estimated", text: money(draft.tax) },
          { name: "Cash", text: money(draft.cash) },
          { name: "Cash after", text: money(draft.cash_after) },
        ]}
      />
      <Weights draft={draft} />
      <Trades draft={draft} />
      <Remarks remarks={[...draft.left, ...draft.notes]} />
      <Risk draft={draft} />
      {draft.frontier !== null && <FrontierChart frontier={draft.frontier} />}
      {mayAct && open && (
        <div className="page-tools">
          {status === "proposed" && draft.trades.length > 0 && (
            <button type="button" className="primary" data-testid="proposal-approve" onClick={() => onDecide("approve")}>
              Approve and trade
            </button>
          )}
          <button type="button" data-testid="proposal-reject" onClick={() => onDecide("reject")}>
            {status === "proposed" ? "Reject" : "Stop it"}
          </button>
        </div>
      )}
    </div>
  );
}
