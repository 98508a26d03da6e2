"""From events to rows: what one transaction appended becomes rows of the trading tables.

Facts (orders, fills, postings, signals, valuations) come from the events; balances (accounts, positions,
lots) from the folded accounts, once a transaction. Trading and rebuilding use the same code.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection, Dialect

from traderbot.engine import ledger
from traderbot.engine.ledger import postings
from traderbot.infra.database import Bulk, Cursor, cursor_of, insert_into, update_of, upsert_into
from traderbot.infra.journal import Recorded
from traderbot.model import events as e
from traderbot.model.account import NOTHING, Account, Lot
from traderbot.model.orders import OrderStatus
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t
from traderbot.trading.streams import account_stream

RULES_SCOPE = "platform"
_HOLD_STATE = ("held", "halted", "version")  # of an account, what an order changes before it is filled
_ACCOUNT_STATE = (*_HOLD_STATE, *t.LEDGER_COLUMNS, "lots_opened")


@lru_cache(maxsize=20_000)
class Statements:
    """The statements a projection needs, compiled once for a database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.inserts = {table.name: insert_into(table, dialect) for table in (
            t.accounts, t.orders, t.fills, t.postings, t.signals, t.valuations, t.lots,
            t.client_order_ids, t.execution_ids,
        )}  # fmt: skip
        self.upserts = {
            table.name: upsert_into(table, dialect) for table in (t.positions, t.market_sessions, t.rules)
        }
        self.account_changes = update_of(t.accounts, _ACCOUNT_STATE, dialect)
        self.hold_changes = update_of(t.accounts, _HOLD_STATE, dialect)
        self.lot_changes = update_of(t.lots, ("qty", "cost", "closed_at"), dialect)
        self.session_changes = update_of(t.market_sessions, ("step", "at"), dialect)
        self._order_changes: dict[frozenset[str], Bulk] = {}

    def order_changes(self, names: frozenset[str]) -> Bulk:
        """The update of those columns of an order."""
        if names not in self._order_changes:
            self._order_changes[names] = update_of(t.orders, names, self._dialect)
        return self._order_changes[names]


class Projection:
    """Collects the rows of one transaction, then writes them."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in statements.inserts}
        self._upserts: dict[str, dict[Any, dict[str, Any]]] = {name: {} for name in statements.upserts}
        self._new_orders: dict[UUID, dict[str, Any]] = {}
        self._order_changes: dict[UUID, dict[str, Any]] = {}
        self._new_lots: dict[tuple[UUID, int], dict[str, Any]] = {}
        self._lots_touched: dict[tuple[UUID, int], tuple[Symbol, int]] = {}
        self._sessions: dict[UUID, dict[str, Any]] = {}
        self._new_accounts: set[UUID] = set()
        self._accounts: set[UUID] = set()
        self._posted: set[UUID] = set()
        self._positions: set[tuple[UUID, Symbol]] = set()

    def add(self, recorded: Recorded, account: Account | None) -> None:
        """Take one event. account: the account of its stream after the event, None for other streams."""
        event = recorded.event
        if account is not None:
            self._accounts.add(account.id)
            entries = postings(event)
            if entries:
                self._posted.add(account.id)
                for line, entry in enumerate(entries):
                    self._post(recorded, account, line, entry)
        project = _PROJECTORS.get(type(event))
        if project is not None:
            project(self, recorded, event, account)

    def flush(
        self, connection: Connection, accounts: Mapping[UUID, Account], versions: Mapping[str, int]
    ) -> None:
        """Write everything. accounts: those touched, as they are now; versions: of the streams touched."""
        statements, rows, cursor = self._statements, self._rows, cursor_of(connection)
        changed: list[dict[str, Any]] = []
        held: list[dict[str, Any]] = []
        for account_id in self._accounts:
            account, version = accounts[account_id], versions[account_stream(account_id)]
            state = {"key_id": account_id, "held": account.held, "halted": account.halted, "version": version}
            if account_id in self._new_accounts:
                rows["accounts"].append(state | _balances(account) | _identity(account))
            elif account_id in self._posted:
                changed.append(state | _balances(account))
            else:
                held.append(state)
        for account_id, symbol in self._positions:
            self._upserts["positions"][account_id, symbol] = _position_row(accounts[account_id], symbol)
        rows["orders"] = list(self._new_orders.values())
        lot_changes = self._balance_lots(accounts)
        rows["lots"] = list(self._new_lots.values())
        for name, insert in statements.inserts.items():
            insert.run_on(cursor, rows[name])
        statements.lot_changes.run_on(cursor, lot_changes)
        self._flush_order_changes(cursor)
        statements.account_changes.run_on(cursor, changed)
        statements.hold_changes.run_on(cursor, held)
        for name, upsert in statements.upserts.items():
            upsert.run_on(cursor, self._upserts[name].values())
        statements.session_changes.run_on(cursor, self._sessions.values())

    def _flush_order_changes(self, cursor: Cursor) -> None:
        groups: dict[frozenset[str], list[dict[str, Any]]] = {}
        for order_id, change in self._order_changes.items():
            names = frozenset(change)
            change["key_id"] = order_id
            groups.setdefault(names, []).append(change)
        for names, changes in groups.items():
            self._statements.order_changes(names).run_on(cursor, changes)

    def _balance_lots(self, accounts: Mapping[UUID, Account]) -> list[dict[str, Any]]:
        """Give every touched lot its present quantity and cost; gives back the changes of lots that were
        there before.
        """
        changes: list[dict[str, Any]] = []
        for (account_id, number), (symbol, at) in self._lots_touched.items():
            lot = _find_lot(accounts[account_id], symbol, number)
            state = {
                "qty": lot.qty if lot else NOTHING,
                "cost": lot.cost if lot else NOTHING,
                "closed_at": None if lot else at,
            }
            new = self._new_lots.get((account_id, number))
            if new is not None:
                new.update(state)
            else:
                changes.append({**state, "key_account_id": account_id, "key_number": number})
        return changes

    def _change_order(self, order_id: UUID, **changes: Any) -> None:
        row = self._new_orders.get(order_id)
        if row is None:
            row = self._order_changes.setdefault(order_id, {})
        row.update(changes)

    def _post(self, recorded: Recorded, account: Account, line: int, entry: ledger.Posting) -> None:
        self._rows["postings"].append(
            {
                "account_id": account.id,
                "version": recorded.version,
                "line": line,
                "ledger": entry.ledger,
                "symbol": entry.symbol,
                "amount": entry.amount,
                "currency": account.currency,
                "effective_at": recorded.event.at,  # type: ignore[attr-defined]  # money moves in market time
                "recorded_at": recorded.recorded_at,
            }
        )

    def opened(self, recorded: Recorded, event: e.AccountOpened, account: Account) -> None:
        self._new_accounts.add(account.id)

    def placed(self, recorded: Recorded, event: e.OrderPlaced, account: Account) -> None:
        account_id = account.id
        client_order_id = event.client_order_id or str(event.order_id)
        self._new_orders[event.order_id] = {
            "id": event.order_id,
            "account_id": account_id,
            "version": recorded.version,
            "client_order_id": client_order_id,
            "symbol": event.symbol,
            "side": event.side.value,
            "type": event.type.value,
            "time_in_force": event.time_in_force.value,
            "qty": event.qty,
            "limit_price": event.limit_price,
            "price_max": event.price_max,
            "fee_rate": event.fee_rate,
            "hold": event.hold,
            "status": OrderStatus.ACCEPTED.value,
            "filled_qty": NOTHING,
            "filled_value": NOTHING,
            "placed_at": event.at,
            "expires_at": event.expires_at,
            "updated_at": event.at,
            "replaces": event.replaces,
            "replaced_by": None,
            "signal_id": event.signal_id,
            "reason": None,
        }
        self._rows["client_order_ids"].append(
            {"account_id": account_id, "client_order_id": client_order_id, "order_id": event.order_id}
        )

    def filled(self, recorded: Recorded, event: e.OrderFilled, account: Account) -> None:
        account_id = account.id
        self._change_order(
            event.order_id,
            filled_qty=event.filled_qty,
            filled_value=event.filled_value,
            status=event.status.value,
            hold=event.hold,
            updated_at=event.at,
        )
        fill = {name: getattr(event, name) for name in _FILL_COLUMNS}
        fill |= {"account_id": account_id, "version": recorded.version, "side": event.side.value}
        self._rows["fills"].append(fill)
        self._rows["execution_ids"].append(
            {"account_id": account_id, "execution_id": event.execution_id, "order_id": event.order_id}
        )
        self._positions.add((account_id, event.symbol))
        if event.lot is not None:
            self._new_lots[account_id, event.lot] = {
                "account_id": account_id,
                "number": event.lot,
                "symbol": event.symbol,
                "execution_id": event.execution_id,
                "opened_at": event.at,
                "opened_qty": event.qty,
                "opened_cost": event.notional,
                "qty": event.qty,
                "cost": event.notional,
                "closed_at": None,
            }
        for part in event.relief:
            self._lots_touched[account_id, part.lot] = (event.symbol, event.at)

    def finished(
        self, recorded: Recorded, event: e.OrderCancelled | e.OrderExpired | e.OrderReplaced, account: Account
    ) -> None:
        changes: dict[str, Any] = {
            "hold": NOTHING,
            "updated_at": event.at,
            "status": _ENDS[type(event)].value,
        }
        if isinstance(event, e.OrderCancelled):
            changes["reason"] = event.reason.value
        elif isinstance(event, e.OrderReplaced):
            changes["replaced_by"] = event.replaced_by
        self._change_order(event.order_id, **changes)

    def action_applied(self, recorded: Recorded, event: e.CorporateActionApplied, account: Account) -> None:
        account_id = account.id
        if event.lots:
            self._positions.add((account_id, event.symbol))
        for lot in event.lots:
            self._lots_touched[account_id, lot.lot] = (event.symbol, event.at)
        for change in event.orders:
            self._change_order(
                change.order_id,
                qty=change.qty,
                filled_qty=change.filled_qty,
                limit_price=change.limit_price,
                price_max=change.price_max,
                updated_at=event.at,
            )

    def revalued(self, recorded: Recorded, event: e.PortfolioRevalued, account: Account) -> None:
        row = {name: getattr(event, name) for name in ("step", "at", "cash", "market_value", "equity")}
        self._rows["valuations"].append(row | {"account_id": account.id})

    def signalled(self, recorded: Recorded, event: e.SignalRaised, account: Account) -> None:
        names = (
            "account_id",
            "at",
            "strategy",
            "symbol",
            "action",
            "probability",
            "confidence",
            "target_weight",
            "order_id",
        )
        row = {name: getattr(event, name) for name in names}
        rationale = msgspec.json.encode(event.rationale).decode()
        self._rows["signals"].append(
            row | {"id": event.signal_id, "version": recorded.version, "rationale": rationale}
        )

    def session_opened(self, recorded: Recorded, event: e.SessionOpened, account: None) -> None:
        self._upserts["market_sessions"][event.session_id] = {
            "id": event.session_id,
            "dataset": event.dataset,
            "dataset_hash": event.dataset_hash,
            "calendar": event.calendar,
            "step": event.step,
            "at": event.at,
        }

    def session_advanced(self, recorded: Recorded, event: e.SessionAdvanced, account: None) -> None:
        self._sessions[event.session_id] = {"key_id": event.session_id, "step": event.step, "at": event.at}

    def rules_changed(self, recorded: Recorded, event: e.RulesChanged, account: None) -> None:
        self._upserts["rules"][RULES_SCOPE] = {
            "scope": RULES_SCOPE,
            "version": recorded.version,
            "data": msgspec.json.encode(event.rules).decode(),
        }


_FILL_COLUMNS = (
    "execution_id",
    "order_id",
    "symbol",
    "qty",
    "price",
    "notional",
    "fee",
    "realised",
    "at",
    "priced_at",
)
_ENDS = {
    e.OrderCancelled: OrderStatus.CANCELED,
    e.OrderExpired: OrderStatus.EXPIRED,
    e.OrderReplaced: OrderStatus.REPLACED,
}
_PROJECTORS: dict[type[e.Event], Callable[[Projection, Recorded, Any, Any], None]] = {
    e.AccountOpened: Projection.opened,
    e.OrderPlaced: Projection.placed,
    e.OrderFilled: Projection.filled,
    e.OrderCancelled: Projection.finished,
    e.OrderExpired: Projection.finished,
    e.OrderReplaced: Projection.finished,
    e.CorporateActionApplied: Projection.action_applied,
    e.PortfolioRevalued: Projection.revalued,
    e.SignalRaised: Projection.signalled,
    e.SessionOpened: Projection.session_opened,
    e.SessionAdvanced: Projection.session_advanced,
    e.RulesChanged: Projection.rules_changed,
}


def _identity(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "user_id": account.user_id,
        "session_id": account.session_id,
        "currency": account.currency,
    }


def _balances(account: Account) -> dict[str, Any]:
    row: dict[str, Any] = {name: account.balances.get(name, NOTHING) for name in t.LEDGER_COLUMNS}
    row["lots_opened"] = account.lots_opened
    return row


def _position_row(account: Account, symbol: Symbol) -> dict[str, Any]:
    position = account.positions[symbol]
    return {
        "account_id": account.id,
        "symbol": symbol,
        "qty": position.qty,
        "cost": position.cost,
        "realised": position.realised,
    }


def _find_lot(account: Account, symbol: Symbol, number: int) -> Lot | None:
    """A lot that is still held; None once used up. Lots leave from the front, so look there first."""
    position = account.positions.get(symbol)
    if position is None or not position.lots or number < position.lots[0].number:
        return None
    return next((lot for lot in position.lots if lot.number == number), None)
