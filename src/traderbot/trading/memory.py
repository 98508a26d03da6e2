"""What the writer keeps between transactions, and how it stays true while other processes write."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Protocol, runtime_checkable
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from traderbot.engine.market import Market
from traderbot.infra.events.journal import Appends, Journal
from traderbot.infra.storage.bulk import Found
from traderbot.infra.storage.database import Database, insert_into, lookup_of
from traderbot.infra.storage.latches import RULES, STEPS
from traderbot.model.account import Account
from traderbot.model.rules import Rules
from traderbot.trading import tables as t
from traderbot.trading.grants import Ledgers
from traderbot.trading.projection import RULES_SCOPE
from traderbot.trading.statements import Statements
from traderbot.trading.streams import RULES_STREAM, account_stream

ACCOUNTS_KEPT = 10_000


@runtime_checkable
class SteppedMarket(Market, Protocol):
    """The market of a session whose steps are on record."""

    step: int

    def at(self, step: int) -> "SteppedMarket": ...


class Memory:
    """Accounts, markets and heads as last committed, and the writer's statements.

    Where other processes write, an account is used from here only after its row was locked and its version
    found to be the one remembered.

    shared: whether other processes may write.
    """

    def __init__(self, database: Database) -> None:
        self._dialect = dialect = database.dialect
        self.shared = database.shared
        self.journal = Journal(dialect)
        self.statements = Statements(dialect)
        self.insert_keys = insert_into(t.idempotency_keys, dialect)
        self.find_keys = lookup_of(t.idempotency_keys, ["request_hash", "outcome"], dialect)
        self.find_names = lookup_of(t.client_order_ids, [], dialect)
        self.find_executions = lookup_of(t.execution_ids, [], dialect)
        self.ledgers = Ledgers(dialect)
        self._lock_accounts = lookup_of(t.accounts, ["version"], dialect, hold="update")
        self._share_rules = lookup_of(t.rules, ["data"], dialect, hold="share")
        self._lock_rules = lookup_of(t.rules, ["data"], dialect, hold="update")
        self._find_steps = lookup_of(t.market_sessions, ["step"], dialect)
        self.accounts: dict[UUID, Account] = {}
        self.markets: dict[UUID, Market] = {}
        self._versions: dict[UUID, int] = {}
        self._rules: Rules | None = None

    def publish(
        self,
        appends: Appends,
        accounts: Mapping[UUID, Account],
        markets: Mapping[UUID, Market],
        held: Mapping[UUID, int],
    ) -> None:
        """Keep what a transaction changed, once it is committed. held: the versions it found."""
        self.journal.publish(appends)
        if len(self.accounts) > ACCOUNTS_KEPT:
            self.accounts.clear()
            self._versions.clear()
        self.accounts.update(accounts)
        self.markets.update(markets)
        if RULES_STREAM in appends.versions:
            self._rules = None
        for account_id, version in held.items():
            self._versions[account_id] = appends.versions.get(account_stream(account_id), version)

    def forget(self) -> None:
        """Drop what a failed transaction may have changed; it is read again from the tables."""
        self.accounts.clear()
        self._versions.clear()
        self._rules = None
        self.journal.forget()

    def hold_accounts(
        self, connection: Connection, account_ids: Collection[UUID]
    ) -> Callable[[], dict[UUID, int]]:
        """Lock accounts in the order of their ids. Gives back their versions once they are asked for, 0 for
        one that is yet to be opened, and forgets those that another process has changed; nothing where this
        process is alone.
        """
        if not self.shared:
            return dict
        wanted = sorted(account_ids)
        asked = self._lock_accounts.ask(connection, [(account_id,) for account_id in wanted])
        return lambda: self._checked(wanted, asked())

    def _checked(self, wanted: Iterable[UUID], found: Found) -> dict[UUID, int]:
        versions: dict[UUID, int] = {}
        for account_id in wanted:
            row = found.get((account_id,))
            versions[account_id] = version = row[0] if row else 0
            if self._versions.get(account_id) != version:
                self.accounts.pop(account_id, None)
                self.journal.forget_stream(account_stream(account_id))
        return versions

    def hold_steps(self, connection: Connection, *, to_move: bool) -> None:
        """Keep steps from being played while orders are decided, and the other way round, to the end of the
        transaction; before any account is locked, so that nobody waits for each other. to_move: this
        transaction plays one.
        """
        if self.shared:
            STEPS.take(connection, shared=not to_move)

    def ask_markets(self, connection: Connection) -> Callable[[], dict[UUID, Market]]:
        """The markets of sessions that another process has moved on since, as on record; nothing where this
        process is alone.
        """
        if not self.shared:
            return dict
        stepped = {key: one for key, one in self.markets.items() if isinstance(one, SteppedMarket)}
        asked = self._find_steps.ask(connection, [(session_id,) for session_id in stepped])

        def answer() -> dict[UUID, Market]:
            found = {session_id: step for (session_id,), (step,) in asked().items()}
            return {key: stepped[key].at(step) for key, step in found.items() if step != stepped[key].step}

        return answer

    def hold_rules(self, connection: Connection, *, to_change: bool) -> Callable[[], Rules]:
        """Hold the rules, so that none is changed while orders are decided by them; gives them back once they
        are asked for. to_change: this transaction changes them. Where this process is alone, they are as it
        remembers them.
        """
        known = self._rules
        if known is not None:
            return lambda: known
        if to_change:
            RULES.take(connection)
        lookup = self._lock_rules if to_change else self._share_rules
        asked = lookup.ask(connection, [(RULES_SCOPE,)])

        def answer() -> Rules:
            found = asked()
            if not found and self.shared and not to_change:  # no row to hold, so what stands for it
                RULES.take(connection, shared=True)
                found = lookup.find_all(connection, [(RULES_SCOPE,)])
            rules = _parse_rules(found[RULES_SCOPE,][0]) if found else Rules()
            if not self.shared:
                self._rules = rules
            return rules

        return answer


@lru_cache(maxsize=8)
def _parse_rules(data: str) -> Rules:
    return msgspec.json.decode(data, type=Rules)
