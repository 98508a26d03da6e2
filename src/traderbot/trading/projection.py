"""From events to rows: what one transaction appended becomes rows of the trading tables.

Facts (orders, fills, postings, activities, signals, valuations) come from the events; balances (accounts,
positions, lots) from the folded accounts, once a transaction. Trading and rebuilding use the same code.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.engine import ledger
from traderbot.engine.ledger import postings
from traderbot.infra.events.journal import Recorded
from traderbot.infra.storage.database import Cursor, cursor_of
from traderbot.model import events as e
from traderbot.model.account import NOTHING, Account
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t
from traderbot.trading.account_rows import ALWAYS, CHANGING, COUNTS, WRITTEN, account_row, held_row
from traderbot.trading.accounts import IS_OPEN
from traderbot.trading.activities import activity_row
from traderbot.trading.order_rows import OrderRows, Rename
from traderbot.trading.statements import BUST_FILL, Statements, restore_lot
from traderbot.trading.streams import account_stream

__all__ = ["RULES_SCOPE", "Projection", "Statements"]

RULES_SCOPE = "platform"
Row = dict[str, Any]
_HELD_GROUPS: set[tuple[str, ...]] = {COUNTS, ()}  # what `held_row` has


class Projection:
    """Collects the rows of one transaction, then writes them."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._rows: dict[str, list[Row]] = {name: [] for name in statements.inserts}
        self._upserts: dict[str, dict[Any, Row]] = {name: {} for name in statements.upserts}
        self._orders = OrderRows()
        self._fills: list[Row] = []
        self._late_fills: list[Row] = []
        self._busts: list[Row] = []
        self._new_lots: dict[tuple[UUID, int], Row] = {}
        self._restored_lots: dict[tuple[UUID, int], Row] = {}
        self._lots_touched: dict[tuple[UUID, int], tuple[Symbol, int]] = {}
        self._sessions: dict[UUID, Row] = {}
        self._clocks: dict[UUID, Row] = {}
        self._new_accounts: set[UUID] = set()
        self._accounts: dict[UUID, set[tuple[str, ...]]] = {}
        self._positions: set[tuple[UUID, Symbol]] = set()

    def add(self, recorded: Recorded, account: Account | None) -> None:
        """Take one event. account: the account of its stream after the event, None for other streams."""
        event = recorded.event
        kind = type(event)
        if account is not None:
            account_id = account.id
            groups = self._accounts.get(account_id)
            if groups is None:
                groups = self._accounts[account_id] = set()
            groups.add(WRITTEN.get(kind, CHANGING))
            for line, entry in enumerate(postings(event)):
                self._post(recorded, account, line, entry)
            self._orders.take(event, account_id, recorded.version, recorded.meta.actor)
            activity = activity_row(event)
            if activity is not None:
                activity |= {"account_id": account_id, "version": recorded.version}
                self._rows["activities"].append(activity)
        project = _PROJECTORS.get(kind)
        if project is not None:
            project(self, recorded, event, account)

    def flush(
        self, connection: Connection, accounts: Mapping[UUID, Account], versions: Mapping[str, int]
    ) -> None:
        """Write everything. accounts: those touched, as they are now; versions: of the streams touched."""
        statements, rows, cursor = self._statements, self._rows, cursor_of(connection)
        for rename in self._orders.renames:
            self._rename(connection, rename, accounts[rename.account_id])
        account_changes: list[Row] = []
        for account_id, groups in self._accounts.items():
            account, version = accounts[account_id], versions[account_stream(account_id)]
            if account_id in self._new_accounts:
                rows["accounts"].append(account_row(account, version))
            else:
                account_changes.append(_account_change(account, version, groups))
        lot_changes = self._balance_lots(accounts)
        rows["lots"] = list(self._new_lots.values())
        for name, insert in statements.inserts.items():
            insert.run_on(cursor, rows[name])
        self._insert_orders(cursor)
        statements.plain_fills.run_on(cursor, self._fills)
        statements.late_fills.run_on(cursor, self._late_fills)
        if self._busts:
            connection.execute(BUST_FILL, self._busts)
        if self._restored_lots:
            connection.execute(restore_lot(connection.dialect), list(self._restored_lots.values()))
        self._change(cursor, t.lots, lot_changes, 2)
        self._change(cursor, t.orders, _keyed(self._orders), 2)
        self._change(cursor, t.accounts, account_changes, 1)
        self._balance_positions(connection, accounts)
        for name, upsert in statements.upserts.items():
            upsert.run_on(cursor, self._upserts[name].values())
        statements.session_changes.run_on(cursor, self._sessions.values())
        statements.session_clocks.run_on(cursor, self._clocks.values())

    def _rename(self, connection: Connection, rename: Rename, account: Account) -> None:
        """Give the orders on record that were open then their new symbol, and have the lots follow."""
        orders = t.orders.c
        moved = orders.account_id == rename.account_id, orders.symbol == rename.symbol, IS_OPEN
        kept = orders.id.not_in(rename.ended) if rename.ended else sa.true()
        connection.execute(sa.update(t.orders).where(*moved, kept).values(symbol=rename.new_symbol))
        for position in account.positions.values():
            for number in position.lots:
                at = self._lots_touched.get((account.id, number), (position.symbol, 0))[1]
                self._lots_touched[account.id, number] = (position.symbol, at)

    def _insert_orders(self, cursor: Cursor) -> None:
        plain, long = [], []
        width = len(t.PLAIN_ORDER)
        for row in self._orders.new.values():
            if len(row) == width:
                plain.append(row)
            else:
                long.append(_NO_ORDER | row)
        self._statements.plain_orders.run_on(cursor, plain)
        self._statements.all_orders.run_on(cursor, long)

    def _change(self, cursor: Cursor, table: sa.Table, changes: Collection[Row], keys: int) -> None:
        """Run the updates, those of the same columns together. keys: how many columns of a row are its
        key's, at its end.
        """
        groups: dict[tuple[str, ...], list[Row]] = {}
        for change in changes:
            groups.setdefault(tuple(change)[:-keys], []).append(change)
        for names, rows in groups.items():
            if names:
                self._statements.changes(table, frozenset(names)).run_on(cursor, rows)

    def _balance_positions(self, connection: Connection, accounts: Mapping[UUID, Account]) -> None:
        """Positions touched as they are now; one whose symbol changed is gone under its old one."""
        for account_id, symbol in self._positions:
            position = accounts[account_id].positions.get(symbol)
            if position is None:
                gone = t.positions.c.account_id == account_id, t.positions.c.symbol == symbol
                connection.execute(sa.delete(t.positions).where(*gone))
                continue
            self._upserts["positions"][account_id, symbol] = {
                "account_id": account_id,
                "symbol": symbol,
                "qty": position.qty,
                "cost": position.cost,
                "realised": position.realised,
            }

    def _balance_lots(self, accounts: Mapping[UUID, Account]) -> list[Row]:
        """Give every touched lot its present quantity and cost; gives back the changes of lots that were
        there before.
        """
        changes: list[Row] = []
        for (account_id, number), (symbol, at) in self._lots_touched.items():
            position = accounts[account_id].positions.get(symbol)
            lot = None if position is None else position.lots.get(number)
            state = {
                "symbol": symbol,
                "qty": lot.qty if lot else NOTHING,
                "cost": lot.cost if lot else NOTHING,
                "closed_at": None if lot else at,
            }
            new = self._new_lots.get((account_id, number)) or self._restored_lots.get((account_id, number))
            if new is not None:
                new.update(state)
            else:
                changes.append({**state, "key_account_id": account_id, "key_number": number})
        return changes

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
        if event.client_order_id:
            self._rows["client_order_ids"].append(
                {
                    "account_id": account.id,
                    "client_order_id": event.client_order_id,
                    "order_id": event.order_id,
                }
            )

    def executed(self, recorded: Recorded, event: e.Execution, account: Account) -> None:
        account_id = account.id
        fill = {name: getattr(event, name) for name in _FILL_COLUMNS}
        fill |= {"account_id": account_id, "version": recorded.version, "side": event.side.value}
        if isinstance(event, e.OrderFilledLate):
            fill["late"] = True
            self._late_fills.append(fill)
        else:
            self._fills.append(fill)
        self._rows["execution_ids"].append(
            {"account_id": account_id, "execution_id": event.execution_id, "order_id": event.order_id}
        )
        self._positions.add((account_id, event.symbol))
        if event.lot is not None:
            qty = event.qty if event.lot_qty is None else event.lot_qty
            cost = event.notional if event.lot_cost is None else event.lot_cost
            self._new_lots[account_id, event.lot] = _lot_row(
                account_id, event.lot, event.symbol, event.execution_id, event.at, qty, cost
            )
        for part in event.relief:
            self._lots_touched[account_id, part.lot] = (event.symbol, event.at)

    def busted(self, recorded: Recorded, event: e.ExecutionBusted, account: Account) -> None:
        account_id = account.id
        self._busts.append(
            {
                "bust_version": recorded.version,
                "of_account": account_id,
                "of_order": event.order_id,
                "of_execution": event.execution_id,
            }
        )
        self._positions.add((account_id, event.symbol))
        touched = [part.lot for part in event.relief] + [lot.lot for lot in event.restored]
        self._lots_touched |= {(account_id, number): (event.symbol, event.at) for number in touched}
        for back in event.restored:
            number = back.lot
            known = self._new_lots.get((account_id, number)) or self._restored_lots.get((account_id, number))
            if known is not None:
                known["opened_at"] = back.opened_at
            else:
                self._restored_lots[account_id, number] = _lot_row(
                    account_id, number, event.symbol, event.execution_id, back.opened_at, back.qty, back.cost
                )

    def action_applied(self, recorded: Recorded, event: e.CorporateActionApplied, account: Account) -> None:
        account_id = account.id
        symbol = event.symbol if event.new_symbol is None else event.new_symbol
        if event.lots or event.new_symbol is not None or event.realised is not None:
            self._positions |= {(account_id, event.symbol), (account_id, symbol)}
        for lot in event.lots:
            self._lots_touched[account_id, lot.lot] = (symbol, event.at)

    def revalued(self, recorded: Recorded, event: e.PortfolioRevalued, account: Account) -> None:
        row = {name: getattr(event, name) for name in ("step", "at", "cash", "market_value", "equity")}
        self._rows["valuations"].append(row | {"account_id": account.id})

    def signalled(self, recorded: Recorded, event: e.SignalRaised, account: Account) -> None:
        row = {name: getattr(event, name) for name in _SIGNAL_COLUMNS}
        rationale = msgspec.json.encode(event.rationale).decode()
        self._rows["signals"].append(
            row | {"id": event.signal_id, "version": recorded.version, "rationale": rationale}
        )

    def session_opened(self, recorded: Recorded, event: e.SessionOpened, account: None) -> None:
        row = {name: getattr(event, name) for name in ("dataset", "dataset_hash", "calendar", "step", "at")}
        self._upserts["market_sessions"][event.session_id] = row | _NEVER_TURNED | {"id": event.session_id}

    def session_advanced(self, recorded: Recorded, event: e.SessionAdvanced, account: None) -> None:
        self._sessions[event.session_id] = {"key_id": event.session_id, "step": event.step, "at": event.at}

    def session_controlled(self, recorded: Recorded, event: e.SessionControlled, account: None) -> None:
        self._clocks[event.session_id] = {
            "key_id": event.session_id,
            "paused": event.paused,
            "speed": event.speed,
            "jump_to": None if event.jump_to is None else event.jump_to.isoformat(),
        }

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
_SIGNAL_COLUMNS = (
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
_NEVER_TURNED: Row = {"paused": None, "speed": None, "jump_to": None}
_NO_ORDER: Row = dict.fromkeys(t.orders.c.keys()) | {"fees": NOTHING}
_PROJECTORS: dict[type[e.Event], Callable[[Projection, Recorded, Any, Any], None]] = {
    e.AccountOpened: Projection.opened,
    e.OrderPlaced: Projection.placed,
    e.OrderFilled: Projection.executed,
    e.OrderFilledLate: Projection.executed,
    e.ExecutionBusted: Projection.busted,
    e.CorporateActionApplied: Projection.action_applied,
    e.PortfolioRevalued: Projection.revalued,
    e.SignalRaised: Projection.signalled,
    e.SessionOpened: Projection.session_opened,
    e.SessionAdvanced: Projection.session_advanced,
    e.SessionControlled: Projection.session_controlled,
    e.RulesChanged: Projection.rules_changed,
}


def _lot_row(
    account_id: UUID, number: int, symbol: Symbol, execution: UUID, at: int, qty: Decimal, cost: Decimal
) -> Row:
    return {
        "account_id": account_id,
        "number": number,
        "symbol": symbol,
        "execution_id": execution,
        "opened_at": at,
        "opened_qty": qty,
        "opened_cost": cost,
        "qty": qty,
        "cost": cost,
        "closed_at": None,
    }


def _keyed(orders: OrderRows) -> list[Row]:
    """Changes with their key at the end."""
    for order_id, change in orders.changed.items():
        change["key_id"] = order_id
        change["key_account_id"] = orders.owners[order_id]
    return list(orders.changed.values())


@cache
def _columns(groups: frozenset[tuple[str, ...]]) -> frozenset[str]:
    """The columns of those groups and those that are always written."""
    return frozenset(ALWAYS).union(*groups)


def _account_change(account: Account, version: int, groups: set[tuple[str, ...]]) -> Row:
    """The columns of those groups, and what is written always."""
    if groups <= _HELD_GROUPS:
        change = held_row(account, version)
    else:
        row = account_row(account, version)
        change = {name: row[name] for name in _columns(frozenset(groups))}
    change["key_id"] = account.id
    return change
