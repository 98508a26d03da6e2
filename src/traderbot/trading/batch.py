"""One transaction of the command path: decides its works in memory, then writes everything they came to."""

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection, Dialect

from traderbot.engine.apply import apply
from traderbot.engine.decide import decide
from traderbot.engine.market import Mark, Market
from traderbot.infra.database import Cursor, Lookup, cursor_of, insert_into
from traderbot.infra.journal import Appends, Journal, Meta, Recorded
from traderbot.model.account import Account
from traderbot.model.commands import Command, OpenAccount, PlaceOrder, RecordExecution, ReplaceOrder, Rules
from traderbot.model.errors import InvariantBroken, NotFound, TraderbotError
from traderbot.model.events import Event, OrderFilled, OrderPlaced
from traderbot.model.reasons import Reason, Refusal, refuse
from traderbot.model.symbols import Symbol
from traderbot.trading import tables as t
from traderbot.trading.accounts import load_account
from traderbot.trading.projection import RULES_SCOPE, Projection, Statements
from traderbot.trading.streams import account_stream
from traderbot.trading.work import Outcome, Work

ACCOUNTS_KEPT = 10_000
_NAMING = (PlaceOrder, ReplaceOrder)  # the commands that bring a client order id along


class NoMarket:
    """The market of a session that is not running here: nothing has a price."""

    time = 0
    day_end = None
    ended = True

    def mark(self, symbol: Symbol) -> Mark | None:
        return None


_NO_MARKET = NoMarket()


class AccountFailed(TraderbotError):  # noqa: N818 - what happened, as the other errors say it
    """Deciding or applying for one account broke an invariant; nothing of its work was committed."""

    code = "account_failed"

    def __init__(self, account_id: UUID, cause: BaseException) -> None:
        super().__init__(f"account {account_id}: {cause}")
        self.account_id = account_id


class Memory:
    """What the writer keeps between transactions: accounts, markets and heads as last committed, and its
    statements.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.journal = Journal(dialect)
        self.statements = Statements(dialect)
        self.insert_keys = insert_into(t.idempotency_keys, dialect)
        self.find_keys = Lookup(t.idempotency_keys, ["request_hash", "outcome"], dialect)
        self.find_names = Lookup(t.client_order_ids, [], dialect)
        self.find_executions = Lookup(t.execution_ids, [], dialect)
        self.find_rules = Lookup(t.rules, ["data"], dialect)
        self.accounts: dict[UUID, Account] = {}
        self.markets: dict[UUID, Market] = {}

    def publish(self, batch: "Batch") -> None:
        """Keep what a transaction changed, once it is committed."""
        self.journal.publish(batch.appends)
        if len(self.accounts) > ACCOUNTS_KEPT:
            self.accounts.clear()
        self.accounts.update(batch.accounts)
        self.markets.update(batch.markets)

    def forget(self) -> None:
        """Drop what a failed transaction may have changed; it is read again from the tables."""
        self.accounts.clear()
        self.journal.forget()


class _Taken:
    """Which names of a key table are taken, in the database or earlier in this transaction."""

    def __init__(self, lookup: Lookup, cursor: Cursor) -> None:
        self._lookup = lookup
        self._cursor = cursor
        self._known: dict[tuple[Hashable, ...], bool] = {}

    def ask(self, names: Sequence[tuple[Hashable, ...]]) -> None:
        """Look all of them up at once."""
        self._known.update(dict.fromkeys(names, False))
        self._known.update(dict.fromkeys(self._lookup.find_all(self._cursor, names), True))

    def add(self, *name: Hashable) -> None:
        self._known[name] = True

    def __contains__(self, name: tuple[Hashable, ...]) -> bool:
        if name not in self._known:
            self.ask([name])
        return self._known[name]


class Batch:
    """Everything one transaction touches; published in one go after its commit, thrown away otherwise."""

    def __init__(self, memory: Memory, connection: Connection, now: int, works: Iterable[Work]) -> None:
        self.connection = connection
        self._cursor = cursor_of(connection)
        self.appends: Appends = memory.journal.stage(connection, now)
        self.accounts: dict[UUID, Account] = {}
        self.markets: dict[UUID, Market] = {}
        self._memory = memory
        self._staged: list[tuple[Recorded, Account | None]] = []
        self._names = _Taken(memory.find_names, self._cursor)
        self._executions = _Taken(memory.find_executions, self._cursor)
        self._outcomes: dict[tuple[UUID, str], tuple[bytes, Outcome]] = {}
        self._new_keys: list[dict[str, Any]] = []
        self._rules = _load_rules(memory, self._cursor)
        self._look_ahead(works)

    def _look_ahead(self, works: Iterable[Work]) -> None:
        """Ask once for all names the works bring along, not once for each."""
        names: list[tuple[UUID, str]] = []
        executions: list[tuple[UUID, UUID]] = []
        for work in works:
            for account_id, command in work.commands:
                if isinstance(command, _NAMING):
                    if command.client_order_id:
                        names.append((account_id, command.client_order_id))
                elif isinstance(command, RecordExecution):
                    executions.append((account_id, command.execution_id))
        self._names.ask(names)
        self._executions.ask(executions)

    def account(self, account_id: UUID) -> Account:
        """The account to decide on: touched before, remembered, or read from its tables. Errors: NotFound."""
        account = self.accounts.get(account_id)
        if account is None:
            account = self._memory.accounts.get(account_id) or load_account(self.connection, account_id)
            if account is None:
                raise NotFound("No such account.")
            self.accounts[account_id] = account
        return account

    def _blank_or_known(self, account_id: UUID) -> Account:
        """A blank account to open; one that is known, so that opening it again is seen for what it is."""
        try:
            return self.account(account_id)
        except NotFound:
            return self.accounts.setdefault(account_id, Account(account_id))

    def run(self, work: Work) -> Outcome:
        """Decide one work and stage its events."""
        if work.key is not None:
            earlier = self._earlier(work.commands[0][0], work.key.key)
            if earlier is not None:
                same = earlier[0] == work.key.request_hash
                return earlier[1] if same else Outcome([], [refuse(Reason.IDEMPOTENCY_KEY_REUSED)])
        self.markets.update(work.markets)
        result = work.job(self.connection) if work.job is not None else None
        events: list[Event] = []
        refusals: list[Refusal] = []
        for stream, event in work.facts:
            account = self.account(UUID(stream[8:])) if stream.startswith("account:") else None
            self._staged.append((self.appends.add(stream, event, work.meta), account))
            events.append(event)
        for account_id, command in work.commands:
            self._command(account_id, command, work.meta, events, refusals)
        for account_id, plan in work.plans:
            for command in list(plan(self.account(account_id))):
                self._command(account_id, command, work.meta, events, refusals)
        outcome = Outcome(events, refusals, self.appends.position, result=result)
        if work.key is not None:
            self._remember(work, outcome)
        return outcome

    def _command(
        self, account_id: UUID, command: Command, meta: Meta, events: list[Event], refusals: list[Refusal]
    ) -> None:
        if isinstance(command, OpenAccount):
            account, session_id = self._blank_or_known(account_id), command.session_id
        else:
            account = self.account(account_id)
            assert account.session_id is not None  # an account on record was opened
            session_id = account.session_id
        refusal = self._taken(account_id, command)
        if refusal is None:
            market = self.markets.get(session_id) or self._memory.markets.get(session_id) or _NO_MARKET
            try:
                decided, refusal = decide(account, command, market, self._rules)
                for event in decided:
                    apply(account, event)
                    self._use(account_id, event)
                    recorded = self.appends.add(account_stream(account_id), event, meta)
                    self._staged.append((recorded, account))
            except (InvariantBroken, ArithmeticError, LookupError) as error:
                raise AccountFailed(account_id, error) from error
            events += decided
        if refusal is not None:
            refusals.append(refusal)

    def _earlier(self, account_id: UUID, key: str) -> tuple[bytes, Outcome] | None:
        """The request hash and outcome recorded under a key, in the database or earlier in this batch."""
        if (account_id, key) not in self._outcomes:
            row = self._memory.find_keys.find(self._cursor, account_id, key)
            if row is None:
                return None
            self._outcomes[account_id, key] = (row[0], Outcome.recall(row[1]))
        return self._outcomes[account_id, key]

    def _taken(self, account_id: UUID, command: Command) -> Refusal | None:
        """Refuse a name or an execution that was used before, in the database or earlier in this batch."""
        if isinstance(command, _NAMING):
            if command.client_order_id and (account_id, command.client_order_id) in self._names:
                return refuse(Reason.DUPLICATE_CLIENT_ORDER_ID)
        elif isinstance(command, RecordExecution) and (account_id, command.execution_id) in self._executions:
            return refuse(Reason.DUPLICATE_EXECUTION)
        return None

    def _use(self, account_id: UUID, event: Event) -> None:
        """Take note of a name or an execution that this batch used."""
        if isinstance(event, OrderPlaced):
            self._names.add(account_id, event.client_order_id or str(event.order_id))
        elif isinstance(event, OrderFilled):
            self._executions.add(account_id, event.execution_id)

    def _remember(self, work: Work, outcome: Outcome) -> None:
        assert work.key is not None
        account_id = work.commands[0][0]
        key, request_hash = work.key
        self._outcomes[account_id, key] = (request_hash, outcome._replace(replayed=True))
        self._new_keys.append(
            {
                "account_id": account_id,
                "key": key,
                "request_hash": request_hash,
                "outcome": outcome.stored(),
                "created_at": self.appends.recorded_at,
            }
        )

    def flush(self) -> None:
        """Write all rows: what can wait on a unique key first, the journal last."""
        projection = Projection(self._memory.statements)
        for recorded, account in self._staged:
            projection.add(recorded, account)
        projection.flush(self.connection, self.accounts, self.appends.versions)
        self._memory.insert_keys.run_on(self._cursor, self._new_keys)
        self.appends.flush()


def _load_rules(memory: Memory, cursor: Cursor) -> Rules:
    row = memory.find_rules.find(cursor, RULES_SCOPE)
    return Rules() if row is None else _parse_rules(row[0])


@lru_cache(maxsize=8)
def _parse_rules(data: str) -> Rules:
    return msgspec.json.decode(data, type=Rules)
