"""One transaction of the command path: decides its works in memory, then writes everything they came to."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from traderbot.engine.apply import apply
from traderbot.engine.decide import Decision, decide
from traderbot.engine.market import Mark, Market, Phase
from traderbot.engine.placing import refused
from traderbot.infra.events.journal import Appends, Meta, Recorded
from traderbot.infra.events.tail import notify
from traderbot.infra.storage.bulk import Key, in_one_flight
from traderbot.model.account import Account
from traderbot.model.commands import (
    BustExecution,
    Command,
    OpenAccount,
    PlaceOrder,
    RecordExecution,
    RecordLateExecution,
)
from traderbot.model.errors import InvariantBroken, NotFound, TraderbotError
from traderbot.model.events import Event, Execution, ExecutionBusted, OrderPlaced, RulesChanged
from traderbot.model.grants import Grant
from traderbot.model.reasons import Reason, Refusal, refuse
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.trading.accounts import is_busted, load_account, load_order, uuid_of
from traderbot.trading.grants import Spending, cost_of, symbol_refusal
from traderbot.trading.memory import Memory
from traderbot.trading.needs import NAMING, Needs, Taken
from traderbot.trading.projection import Projection
from traderbot.trading.streams import RULES_STREAM, account_of, account_stream
from traderbot.trading.work import Outcome, Work


class NoMarket:
    """The market of a session that is not running here: nothing has a price."""

    time = 0
    day_end = None
    ended = True
    phase = Phase.CLOSED

    def mark(self, symbol: Symbol) -> Mark | None:
        return None


_NO_MARKET = NoMarket()
Reactions = Mapping[type[Event], tuple[Callable[[Any, Account], Iterable[Command]], ...]]
_NO_REACTIONS: Reactions = {}


class AccountFailed(TraderbotError):  # noqa: N818 - what happened, as the other errors say it
    """Deciding or applying for one account broke an invariant; nothing of its work was committed."""

    code = "account_failed"

    def __init__(self, account_id: UUID, cause: BaseException) -> None:
        super().__init__(f"account {account_id}: {cause}")
        self.account_id = account_id


class Batch:
    """Everything one transaction touches; published in one go after its commit, thrown away otherwise."""

    def __init__(
        self,
        memory: Memory,
        connection: Connection,
        now: int,
        works: Iterable[Work],
        reactions: Reactions = _NO_REACTIONS,
    ) -> None:
        self._reactions = reactions
        self.connection = connection
        self.appends: Appends = memory.journal.stage(connection, now)
        self.accounts: dict[UUID, Account] = {}
        self.markets: dict[UUID, Market] = {}
        self.held: dict[UUID, int] = {}  # accounts locked, with their version as found
        self._memory = memory
        self._staged: list[tuple[Recorded, Account | None]] = []
        self._names = Taken(memory.find_names, connection)
        self._executions = Taken(memory.find_executions, connection)
        self._outcomes: dict[Key, tuple[bytes, Outcome] | None] = {}  # recorded under a key: request, answer
        self._new_keys: list[dict[str, Any]] = []
        self._spending = Spending(memory.ledgers, connection, now)
        self._placed: set[tuple[UUID, UUID]] = set()
        self._busted: set[tuple[UUID, UUID]] = set()
        self._look_ahead(works)

    def _look_ahead(self, works: Iterable[Work]) -> None:
        """Lock what the works are known to need, in the order that all writers keep, and ask once for all
        names they bring along.
        """
        needs = Needs()
        for work in works:
            needs.add(work)
        memory, connection = self._memory, self.connection
        with in_one_flight(connection):
            if needs.accounts or needs.steps:
                memory.hold_steps(connection, to_move=needs.steps)
            held = memory.hold_accounts(connection, needs.accounts)
            markets = memory.ask_markets(connection) if needs.accounts else dict
            memory.journal.lock_streams(connection, needs.streams)
            rules = memory.hold_rules(connection, to_change=RULES_STREAM in needs.streams)
            names, executions = self._names.ask(needs.names), self._executions.ask(needs.executions)
            keys = memory.find_keys.ask(connection, needs.keys)
            spent = self._spending.ask(needs.budgets)
        self.held.update(held())
        self.markets.update(markets())
        self._rules = rules()
        names()
        executions()
        spent()
        self._outcomes.update(dict.fromkeys(needs.keys))
        self._outcomes.update({key: (row[0], Outcome.recall(row[1])) for key, row in keys().items()})

    def _hold(self, account_ids: Iterable[UUID]) -> None:
        """Lock accounts, those not yet held, all at once."""
        more = [account_id for account_id in account_ids if account_id not in self.held]
        if more:
            self.held.update(self._memory.hold_accounts(self.connection, more)())

    def account(self, account_id: UUID) -> Account:
        """The account to decide on: touched before, remembered, or read from its tables. Errors: NotFound."""
        account = self.accounts.get(account_id)
        if account is None:
            if self._memory.shared and account_id not in self.held:
                self._hold([account_id])
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
        if work.rules is not None:
            self._change_rules(work.rules, work.meta, events, refusals)
        for stream, event in work.facts:
            account_id = account_of(stream)
            account = None if account_id is None else self.account(account_id)
            self._staged.append((self.appends.add(stream, event, work.meta), account))
            events.append(event)
        for account_id, command in work.commands:
            self._command(account_id, command, work, events, refusals)
        if work.plans:
            self._hold(account_id for account_id, _ in work.plans)  # those that the job has added
        for account_id, plan in work.plans:
            for command in list(plan(self.account(account_id))):
                self._command(account_id, command, work, events, refusals)
        outcome = Outcome(events, refusals, result=result)
        if work.key is not None:
            self._remember(work, outcome)
        return outcome

    def _command(
        self, account_id: UUID, command: Command, work: Work, events: list[Event], refusals: list[Refusal]
    ) -> None:
        if isinstance(command, OpenAccount):
            account, session_id = self._blank_or_known(account_id), command.session_id
        else:
            account = self.account(account_id)
            assert account.session_id is not None  # an account on record was opened
            session_id = account.session_id
        refusal = self._taken(account_id, command)
        if refusal is None:
            market = self._market(session_id)
            try:
                decision = (
                    decide(account, command, market, self._rules)
                    if work.grant is None
                    else self._granted(account, command, market, work.grant)
                )
                decided, refusal = decision.events, decision.refusal
                caused: list[Recorded] = []
                for event in decided:
                    apply(account, event)
                    self._use(account_id, event)
                    recorded = self.appends.add(account_stream(account_id), event, work.meta)
                    self._staged.append((recorded, account))
                    if type(event) in self._reactions:
                        caused.append(recorded)
            except (InvariantBroken, ArithmeticError, LookupError) as error:
                raise AccountFailed(account_id, error) from error
            events += decided
            for recorded in caused:
                self._react(account, recorded, events)
        if refusal is not None:
            refusals.append(refusal)

    def _react(self, account: Account, cause: Recorded, events: list[Event]) -> None:
        """Decide what follows from an event at once; what is refused of it is no refusal of the work."""
        earlier = cause.meta
        own = Work(
            meta=Meta(
                "system",
                earlier.correlation,
                f"{cause.stream} {cause.version}",
                earlier.request,
                earlier.trace,
            )
        )
        for react in self._reactions[type(cause.event)]:
            try:
                commands = list(react(cause.event, account))
            except Exception as error:
                raise AccountFailed(account.id, error) from error
            for command in commands:
                self._command(account.id, command, own, events, [])

    def _granted(self, account: Account, command: Command, market: Market, grant: Grant) -> Decision:
        """As `decide`, within what an API key may do; a refused order is on record as any other."""
        refusal = symbol_refusal(grant, account, command)
        if refusal is None:
            decision = decide(account, command, market, self._rules)
            if decision.refusal is None:
                refusal = self._spending.spend(grant, cost_of(account, decision, self._rules))
            if refusal is None:
                return decision
        if isinstance(command, PlaceOrder):
            return refused(command, refusal, market, self._rules)
        return Decision((), refusal)

    def _market(self, session_id: UUID) -> Market:
        """A session's market as this transaction has moved it on, else as of the last commit."""
        moved = self.markets.get(session_id) if self.markets else None
        return moved or self._memory.markets.get(session_id) or _NO_MARKET

    def _change_rules(
        self,
        change: Callable[[Rules], Rules | Refusal],
        meta: Meta,
        events: list[Event],
        refusals: list[Refusal],
    ) -> None:
        """What comes later in this transaction is decided on the rules as they become; the very same rules
        are no change.
        """
        changed = change(self._rules)
        if isinstance(changed, Refusal):
            refusals.append(changed)
            return
        if changed is self._rules:
            return
        self._rules = changed
        event = RulesChanged(msgspec.to_builtins(changed))
        self._staged.append((self.appends.add(RULES_STREAM, event, meta), None))
        events.append(event)

    def _earlier(self, account_id: UUID, key: str) -> tuple[bytes, Outcome] | None:
        """The request hash and outcome recorded under a key, in the database or earlier in this batch."""
        return self._outcomes[account_id, key]

    def _taken(self, account_id: UUID, command: Command) -> Refusal | None:
        """Refuse a name or an execution that was used before, in the database or earlier in this batch."""
        if isinstance(command, NAMING):
            name = command.client_order_id
            if name and ((account_id, name) in self._names or self._is_order(account_id, name)):
                return refuse(Reason.DUPLICATE_CLIENT_ORDER_ID)
            return None
        if isinstance(command, BustExecution):
            return self._taken_back(account_id, command.execution)
        if isinstance(command, RecordLateExecution):
            command = command.execution
        if isinstance(command, RecordExecution) and (account_id, command.execution_id) in self._executions:
            return refuse(Reason.DUPLICATE_EXECUTION)
        return None

    def _is_order(self, account_id: UUID, name: str) -> bool:
        """Whether a name is the id of an order of the account, which is the name of one that has no other."""
        order_id = uuid_of(name)
        if order_id is None:
            return False
        if (account_id, order_id) in self._placed:
            return True
        return load_order(self.connection, account_id, order_id) is not None

    def _taken_back(self, account_id: UUID, execution: Execution) -> Refusal | None:
        """Refuse to take an execution back twice."""
        key = account_id, execution.execution_id
        if key in self._busted or is_busted(self.connection, account_id, execution.order_id, key[1]):
            return refuse(Reason.DUPLICATE_EXECUTION)
        return None

    def _use(self, account_id: UUID, event: Event) -> None:
        """Take note of a name or an execution that this batch used."""
        if isinstance(event, OrderPlaced):
            self._placed.add((account_id, event.order_id))
            if event.client_order_id:
                self._names.add(account_id, event.client_order_id)
        elif isinstance(event, Execution):
            self._executions.add(account_id, event.execution_id)
        elif isinstance(event, ExecutionBusted):
            self._busted.add((account_id, event.execution_id))

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

    @property
    def new_keys(self) -> list[tuple[UUID, str]]:
        """The idempotency keys it puts on record."""
        return [(row["account_id"], row["key"]) for row in self._new_keys]

    def publish(self) -> None:
        """Let the writer remember all of it: its transaction is committed."""
        self._memory.publish(self.appends, self.accounts, self.markets, self.held)

    def flush(self) -> None:
        """Write all rows: what can wait on a unique key first, the journal last."""
        projection = Projection(self._memory.statements)
        for recorded, account in self._staged:
            projection.add(recorded, account)
        self._spending.flush()
        with in_one_flight(self.connection):
            projection.flush(self.connection, self.accounts, self.appends.versions)
            self._memory.insert_keys.run(self.connection, self._new_keys)
            self.appends.flush()
            if self.appends.recorded:
                notify(self.connection)
        self.appends.check()
