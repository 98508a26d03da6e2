"""Run strategies on accounts of a market session: after each step, what a strategy concludes and asks for
is one unit of work.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from traderbot.autopilot.copies import AccountCopies
from traderbot.infra.events.journal import Meta, decode_event, encode_event, events
from traderbot.infra.storage.database import Database
from traderbot.model.account import Account
from traderbot.model.actions import CorporateAction
from traderbot.model.bars import Bar
from traderbot.model.commands import PauseTrading
from traderbot.model.errors import Conflict
from traderbot.model.events import Event, OrderFilled, SignalRaised
from traderbot.model.membership import Membership
from traderbot.model.platform_events import AdministrationDone
from traderbot.model.rules import Rules
from traderbot.model.symbols import Symbol
from traderbot.strategies.base import Coarser, Context, RaisedSignal, Strategy
from traderbot.strategies.faults import StrategyFailed, failure_of
from traderbot.trading.assignments import BEGAN, actor_of, ids_of, keep_state, kept_state
from traderbot.trading.command_path import AccountFailed, CommandPath
from traderbot.trading.session_market import SessionMarket
from traderbot.trading.streams import PLATFORM_STREAM, account_stream
from traderbot.trading.work import Work

DETAIL_MAX = 300
_log = structlog.get_logger()


@dataclass(slots=True)
class Assignment:
    """A strategy that trades an account.

    started: whether it saw a step since the process began. done: time of the last step it is through with.
    sure: whether nothing of it is known to be on record behind `done`; not so after a start or a failure.
    kept: its state as it is on record. told: whether it is on record that this process shows it steps.
    """

    account_id: UUID
    strategy: Strategy
    started: bool = False
    told: bool = False
    done: int = -1
    sure: bool = False
    kept: str | None = None
    meta: Meta = field(init=False)

    def __post_init__(self) -> None:
        self.meta = Meta(actor=actor_of(self.strategy.name))


class Autopilot:
    """Calls the strategies of a session after each of its steps.

    Everything a strategy asks for at a step commits in one transaction, under ids that follow from account,
    strategy and step. So after a crash a step was either dealt with or was not, and the journal tells which:
    nothing is asked twice, nothing is lost. What a strategy gives as its state is kept in that transaction
    too; what it remembers besides must follow from what Context shows it.
    """

    def __init__(
        self,
        path: CommandPath,
        database: Database,
        bars: dict[Symbol, Bar],
        actions: Iterable[CorporateAction],
        check: Callable[[Connection], None] | None = None,
        rules: Rules | None = None,
        coarser: Coarser | None = None,
        membership: Membership | None = None,
    ) -> None:
        """check: asked in every transaction of a strategy, such as whether this process still may play.
        rules: those that strategies size their orders by. coarser: gives them histories of other time frames.
        """
        self._path = path
        self._check = check
        self._rules = rules
        self._coarser, self._membership = coarser, membership
        self._database = database
        self._bars = bars
        self._actions: dict[Symbol, list[CorporateAction]] = defaultdict(list)
        for action in actions:
            self._actions[action.symbol].append(action)
        self._copies = AccountCopies(path, database)
        self._assignments: list[Assignment] = []

    def assign(self, account_id: UUID, strategy: Strategy) -> None:
        """Have the strategy trade the account from the last step on. Errors: Conflict for a second strategy
        of that name, whose orders could not be told from the first one's.
        """
        if self.trades(account_id, strategy.name):
            raise Conflict(f"the strategy {strategy.name} trades this account already")
        self._assignments.append(Assignment(account_id, strategy))

    def trades(self, account_id: UUID, name: str) -> bool:
        """Whether a strategy of that name trades the account already."""
        return any(a.account_id == account_id and a.strategy.name == name for a in self._assignments)

    def keep(self, wanted: Collection[tuple[UUID, str]]) -> None:
        """Let go of every strategy that is not among these: accounts with names of strategies."""
        gone = [a for a in self._assignments if (a.account_id, a.strategy.name) not in wanted]
        for assignment in gone:
            self._assignments.remove(assignment)

    def begin_anew(self) -> None:
        """Forget every strategy and account: somebody else may have played since, and what a strategy
        remembers has to follow from what it sees.
        """
        self._assignments.clear()
        self._copies.forget()

    def follow(self, market: SessionMarket, moved: list[Bar]) -> None:
        """Let every strategy see the step and hand in what it asks for, once each however often the step is
        shown. A strategy that raises, or whose account fails, has the account paused; it goes on when
        somebody resumes it. What the platform itself cannot do is raised: the step is then shown again.
        """
        for assignment in list(self._assignments):
            if assignment.done >= market.time:
                continue
            try:
                self._run(assignment, market, moved)
            except (StrategyFailed, AccountFailed) as error:
                self._pause(assignment, error)
            except Exception:
                assignment.sure = False
                self._copies.forget()
                raise
            assignment.done, assignment.sure = market.time, True

    def _run(self, assignment: Assignment, market: SessionMarket, moved: list[Bar]) -> None:
        if not assignment.sure and self._dealt_with(assignment, market.time):
            return
        account = self._copies.get(assignment.account_id)
        if account.halted is not None:
            return
        ctx = self._call(assignment, account, market, moved)
        facts = _facts(assignment, ctx.raised, market.time)
        if not assignment.told:  # so that a report can say where it began, and where it was started again
            facts.append((PLATFORM_STREAM, _began(assignment, market.step)))
        asked = [(assignment.account_id, ask) for ask in ctx.take_asked()]
        state = _state(assignment.strategy)
        if not facts and not asked and state == assignment.kept:
            return

        def job(connection: Connection) -> None:
            if self._check is not None:
                self._check(connection)
            if state != assignment.kept:
                keep_state(connection, assignment.account_id, assignment.strategy.name, state, market.time)

        meta = _meta(assignment, ctx.raised, market.time)
        outcome = self._path.submit(Work(facts=facts, commands=list(asked), meta=meta, job=job))
        assignment.kept, assignment.told = state, True
        for refusal in outcome.refusals:
            _log.info(
                "strategy_order_refused",
                strategy=assignment.strategy.name,
                reason=refusal.reason.value,
                detail=refusal.detail,
            )

    def _call(
        self, assignment: Assignment, account: Account, market: SessionMarket, moved: list[Bar]
    ) -> Context:
        """Show a strategy the step. Errors: StrategyFailed."""
        strategy = assignment.strategy
        ctx = Context(
            account,
            market,
            self._bars,
            ids_of(assignment.account_id, strategy.name, market.step),
            self._actions,
            self._rules,
            self._coarser,
            self._membership,
        )
        try:
            begins = not assignment.started
            if begins:
                strategy.on_start(ctx)
                assignment.started = True
            if assignment.kept is not None and (begins or not assignment.sure):
                strategy.restore(msgspec.json.decode(assignment.kept))
            if type(strategy).on_fill is not Strategy.on_fill:
                for fill in self._fills(assignment.account_id, market):
                    strategy.on_fill(ctx, fill)
            strategy.on_step(ctx, moved)
        except (Exception, SystemExit) as error:  # the edge of other people's code
            _log.error("strategy_failed", strategy=strategy.name, error=repr(error), exc_info=error)
            told = failure_of(strategy, market.time, error)
            raise told or StrategyFailed(f"{strategy.name}: {type(error).__name__}: {error}") from error
        return ctx

    def _dealt_with(self, assignment: Assignment, time: int) -> bool:
        """Whether the step is on record: by the state it left, or by anything asked for at it or later."""
        with self._database.read() as connection:
            found = kept_state(connection, assignment.account_id, assignment.strategy.name)
        assignment.kept, kept_at = found or (None, -1)
        return kept_at >= time or self._acted(assignment, time)

    def _fills(self, account_id: UUID, market: SessionMarket) -> list[OrderFilled]:
        """The executions of the step, oldest first."""
        newest = (
            sa.select(events)
            .where(events.c.stream == account_stream(account_id))
            .order_by(events.c.position.desc())
        )
        found: list[OrderFilled] = []
        with self._database.read() as connection:
            for row in connection.execution_options(yield_per=100).execute(newest):
                if row.effective_at is not None and row.effective_at < market.time:
                    break
                if row.type == "OrderFilled":
                    event = decode_event(row.type, row.data, row.schema_version)
                    assert isinstance(event, OrderFilled)
                    found.append(event)
        return found[::-1]

    def _acted(self, assignment: Assignment, time: int) -> bool:
        """Whether something the strategy asked for at this step, or later, is on record."""
        newest = (
            sa.select(events.c.metadata, events.c.effective_at)
            .where(events.c.stream == account_stream(assignment.account_id))
            .order_by(events.c.position.desc())
        )
        own = f'"actor":"{assignment.meta.actor}"'
        with self._database.read() as connection:
            for row in connection.execution_options(yield_per=100).execute(newest):
                if row.effective_at is not None and row.effective_at < time:
                    return False
                if own in row.metadata:
                    return True
        return False

    def _pause(self, assignment: Assignment, error: Exception) -> None:
        pause = PauseTrading(f"the strategy {assignment.strategy.name} failed: {error}"[:DETAIL_MAX])
        work = Work(commands=[(assignment.account_id, pause)], meta=assignment.meta, job=self._check)
        self._path.submit(work)


def _state(strategy: Strategy) -> str | None:
    """What the strategy wants kept, as JSON. Errors: StrategyFailed."""
    try:
        state = strategy.state()
        return None if state is None else msgspec.json.encode(state, order="sorted").decode()
    except Exception as error:
        raise StrategyFailed(f"its state cannot be kept: {type(error).__name__}: {error}") from error


def _began(assignment: Assignment, step: int) -> AdministrationDone:
    about = {"account_id": str(assignment.account_id), "strategy": assignment.strategy.name}
    return AdministrationDone(BEGAN, {**about, "step": step})


def _meta(assignment: Assignment, raised: list[RaisedSignal], time: int) -> Meta:
    """What a strategy asks for in a step belongs to its signal there; to the step's time without one."""
    name = str(raised[0][0]) if raised else f"{assignment.account_id}:{time}"
    return Meta(assignment.meta.actor, name)


def _facts(assignment: Assignment, raised: list[RaisedSignal], time: int) -> list[tuple[str, Event]]:
    """The signals as events of the account. Errors: StrategyFailed for one that cannot be recorded."""
    stream, facts = account_stream(assignment.account_id), list[tuple[str, Event]]()
    for signal_id, signal, order_id in raised:
        fact = SignalRaised(
            at=time,
            signal_id=signal_id,
            account_id=assignment.account_id,
            strategy=assignment.strategy.name,
            symbol=signal.symbol,
            action=signal.action,
            probability=signal.probability,
            confidence=signal.confidence,
            target_weight=signal.target_weight,
            order_id=order_id,
            rationale=signal.rationale,
        )
        try:
            encode_event(fact)
        except (TypeError, ValueError) as error:
            raise StrategyFailed(f"its signal on {signal.symbol} cannot be recorded: {error}") from error
        facts.append((stream, fact))
    return facts
