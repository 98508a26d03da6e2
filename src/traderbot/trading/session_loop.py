"""The session loop: plays the steps of a replay through the command path, each step as one transaction over
all its accounts.

A step: splits and dividends with this ex-date, then the bars against the orders placed before them,
expiries and the exits that an entry has woken, a night's interest, the valuation at the closes, and the
session's own advance. Then whoever follows the session (the autopilot) may act; what it asks is matched from
the next step on, and that step is not played before it has been asked. The step is on record with its
effects, so a restart goes on behind the last one that committed, and shows the followers that one again: the
process may have ended before they had acted on it.

Where several processes share a database, the one with the session's lease plays it. Its steps ask the lease
in their transaction, so that a process which lost it without knowing is refused.
"""

import threading
import time
from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from traderbot.infra.events.journal import Meta, Recorded
from traderbot.infra.leases import Lease, LeaseLost
from traderbot.market.sessions import NOT_STARTED, ReplaySession
from traderbot.model.account import Account, AccountKind
from traderbot.model.bars import Bar
from traderbot.model.commands import (
    AccrueInterest,
    ApplyCorporateAction,
    Command,
    PauseTrading,
    RevaluePortfolio,
)
from traderbot.model.errors import TraderbotError
from traderbot.model.events import AccountOpened, Event, SessionAdvanced
from traderbot.model.symbols import Symbol
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.memory import Memory
from traderbot.simulation.sessions import Moment
from traderbot.trading import tables as t
from traderbot.trading.command_path import AccountFailed, CommandPath
from traderbot.trading.session_clock import clock_row, controls_of, held_back
from traderbot.trading.session_market import SessionMarket
from traderbot.trading.session_view import SessionView, Standing
from traderbot.trading.streams import session_stream
from traderbot.trading.work import Work

LEFT_BEHIND = "the books of this account do not add up"
"""How the pause of an account begins that steps no longer touch."""

DETAIL_MAX = 300
RETRY_FIRST_S = 0.5
RETRY_MAX_S = 4.0  # a database that was away for long is not waited for much longer once it is back
_log = structlog.get_logger()


class _OutOfStepError(TraderbotError):
    """The session on record does not stand where this step begins; nothing was played.

    recorded: the step on record.
    """

    code = "out_of_step"

    def __init__(self, step: int, recorded: int) -> None:
        super().__init__(f"step {step} cannot be played: the session on record stands at {recorded}")
        self.recorded = recorded


class _StandsStillError(TraderbotError):
    """The clock on record stands still; the step that was due is not played."""

    code = "stands_still"


class SessionLoop(SessionView):
    """One replay session and the accounts in it, played. `followers` are called after every step, in order,
    in the loop's thread, and once at the start with the last step on record. A follower that raises is called
    again with the same step.

    shared: whether other processes may play it or open accounts in it. trouble: it keeps trying. timed: told
    of each step played, the seconds it took to commit, and its events.
    """

    def __init__(
        self,
        session_id: UUID,
        replay: ReplaySession,
        path: CommandPath,
        broker: SimulatedBroker,
        accounts: Iterable[UUID] = (),
        left_behind: Iterable[UUID] = (),
        *,
        shared: bool = False,
    ) -> None:
        super().__init__(session_id, replay, path)
        self.followers: list[Callable[[SessionMarket, list[Bar]], None]] = []
        self.bars: dict[Symbol, Bar] = {name: bars.cursor() for name, bars in replay.dataset.bars.items()}
        self._path = path
        self._shared = shared
        self._lease: Lease | None = None
        self._broker = broker
        self._accounts = sorted(accounts)  # once built, touched by the writer's thread only
        self._left_behind = set(left_behind)
        self.timed: Callable[[int, float, int], None] = _untimed
        self._meta = Meta(actor=f"session:{session_id}")
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        path.listen(self._enrol)
        self._owed: tuple[SessionMarket, list[Bar]] | None = self._stand()

    def start(self) -> None:
        """Begin to play, in a thread of its own."""
        self._stopping.clear()
        self.replay.go_on()
        self.playing = True
        self._thread = threading.Thread(target=self._run, name="session-loop", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the step under way, then end."""
        self._stopping.set()
        self.replay.stop()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        self.trouble = None
        self.leave()

    def take_over(
        self, lease: Lease, standing: Standing, accounts: Iterable[UUID], left_behind: Iterable[UUID]
    ) -> None:
        """Go on where the session stands on record, whoever has played it until now. lease: asked in every
        transaction that plays.
        """
        self._lease = lease
        self.stand(standing)
        self._accounts, self._left_behind = sorted(accounts), set(left_behind)
        self._owed = self._stand()

    def check(self, connection: Connection) -> None:
        """Do nothing unless this process still is the one to play. Errors: LeaseLost."""
        if self._lease is not None:
            self._lease.check(connection)

    def play(self, step: int) -> list[Event]:
        """Play one step: commit its effects, move the clock, call the followers."""
        self.call_followers()
        began = time.perf_counter()
        market = self.market.at(step)
        moved = self._move(step)
        before, self.playing = self.playing, True  # what it commits is heard as well, and moves nothing then
        try:
            events = self._commit(step, market, {bar.symbol: bar for bar in moved})
            self.market = market
            self._owed = (market, moved)
            self.replay.played(step)
        finally:
            self.playing = before
        self.timed(step, time.perf_counter() - began, len(events))
        self._tell()
        self.call_followers()
        return events

    def call_followers(self) -> None:
        """Show the followers the last step, unless they have dealt with it."""
        if self._owed is not None:
            for follower in self.followers:
                follower(*self._owed)
            self._owed = None

    def _run(self) -> None:
        """Play what is due until stopped. What goes wrong is said and tried again: a full disk may empty."""
        pause = RETRY_FIRST_S
        step: int | None = self.replay.step
        while step is not None and not self._stopping.is_set():
            try:
                self.call_followers()
                step = self.replay.wait_for_next()
                if step is not None:
                    self.play(step)
            except LeaseLost:
                _log.warning("session_lost", session=str(self.session_id), step=self.replay.step)
                return
            except _StandsStillError:
                continue  # the clock was turned while the step waited for its turn
            except Exception as error:  # noqa: BLE001 - the loop's edge
                self.trouble = repr(error)
                _log.error("step_failed", step=step, error=repr(error), again_in_s=pause)
                self._stopping.wait(pause)
                pause = min(2 * pause, RETRY_MAX_S)
            else:
                pause, self.trouble = RETRY_FIRST_S, None

    def _enrol(self, recorded: list[Recorded]) -> None:
        """Take new accounts of this session into its steps."""
        for entry in recorded:
            if isinstance(entry.event, AccountOpened) and entry.event.session_id == self.session_id:
                insort(self._accounts, entry.event.account_id)

    def _stand(self) -> tuple[SessionMarket, list[Bar]] | None:
        """Move every cursor to the last bar known, and give back the last step played, if any was."""
        step = self.replay.step
        for name, bars in self.replay.dataset.bars.items():
            known = bars.known_by(self.replay.time)
            if known:
                self.bars[name].move(known - 1)
            else:
                self.bars[name].rewind()
        if step == NOT_STARTED:
            return None
        return self.market, self._move(step)

    def _move(self, step: int) -> list[Bar]:
        moved = []
        for bars, index in self.replay.bars_of(step):
            bar = self.bars[bars.symbol]
            bar.move(index)
            moved.append(bar)
        return moved

    def _commit(self, step: int, market: SessionMarket, bars: dict[Symbol, Bar]) -> list[Event]:
        """One transaction for the step; an account whose books do not add up is paused and left behind, the
        others go on. Gives back nothing for a step that turns out to be on record already.
        """
        while True:
            try:
                return self._path.submit(self._work(step, market, bars)).events
            except AccountFailed as failure:
                _log.error("account_failed", account=str(failure.account_id), error=failure.detail)
                if failure.account_id in self._left_behind:
                    raise
                self._left_behind.add(failure.account_id)
                pause = [(failure.account_id, _pause(failure))]
                self._path.submit(Work(commands=list(pause), meta=self._meta, job=self.check))
            except _OutOfStepError as found:
                if found.recorded != step:
                    raise
                self._path.markets[self.session_id] = market
                return []

    def _work(self, step: int, market: SessionMarket, bars: dict[Symbol, Bar]) -> Work:
        meta = Meta(self._meta.actor, f"{self.session_id}:{step}")
        work = Work(markets={self.session_id: market}, meta=meta)
        work.facts.append(
            (session_stream(self.session_id), SessionAdvanced(market.time, self.session_id, step))
        )

        def prepare(connection: Connection) -> None:
            """Runs in the writer's thread just before the step is decided, so that no account that has an
            order by then is missing.
            """
            self.check(connection)
            row = clock_row(connection, self.session_id)
            recorded = NOT_STARTED if row is None else row.step
            if recorded != step - 1:
                raise _OutOfStepError(step, recorded)
            if self._thread is not None and row is not None and held_back(row, self.replay.timeline):
                self.replay.take(controls_of(row, self.replay.own_speed))
                raise _StandsStillError("the clock on record stands still")
            if self._shared or self.trouble is not None:  # a commit that is unknown may have opened accounts
                self._accounts = sorted(accounts_of(connection, self.session_id))
            work.plans[:] = self._plans(step, market, bars)

        work.job = prepare
        return work

    def _plans(
        self, step: int, market: SessionMarket, bars: dict[Symbol, Bar]
    ) -> Iterator[tuple[UUID, Callable[[Account], Iterable[Command]]]]:
        actions = [ApplyCorporateAction(action) for action in self.replay.actions_of(step)]
        moment = self._moment(step)
        nights = self._nights(step, moment)
        for account_id in self._accounts:
            if account_id in self._left_behind:
                yield account_id, _stay_paused
                continue
            if actions:
                yield account_id, lambda account: actions
            turn = _Turn(self._broker, step, market.time, bars, moment, nights)
            yield account_id, turn.match
            yield account_id, turn.finish

    def _moment(self, step: int) -> Moment:
        """Where in its session a step is."""
        timeline = self.replay.timeline
        day = timeline.date_of(step)
        return Moment(opens=timeline.first_step(day) == step, closes=timeline.last_step(day) == step)

    def _nights(self, step: int, moment: Moment) -> int:
        """Days that what is borrowed after a step is borrowed for: until the next session, 0 within one."""
        timeline = self.replay.timeline
        if not moment.closes or step + 1 == len(timeline):
            return 0
        return (timeline.date_of(step + 1) - timeline.date_of(step)).days


def _untimed(_step: int, _seconds: float, _events: int) -> None:
    """Nobody counts."""


class _Turn:
    """One account's part of a step: its orders against the bars, then the exits that this has woken, then the
    interest of the night and the valuation; nothing where there is nothing.
    """

    def __init__(
        self,
        broker: SimulatedBroker,
        step: int,
        time: int,
        bars: dict[Symbol, Bar],
        moment: Moment,
        nights: int,
    ) -> None:
        self._broker = broker
        self._step = step
        self._time = time
        self._bars = bars
        self._moment = moment
        self._nights = nights
        self._memory = Memory()
        self._traded = False

    def match(self, account: Account) -> list[Command]:
        """The reports on the account's orders. Errors: AccountFailed."""
        return self._ask(account, self._broker.reports)

    def finish(self, account: Account) -> list[Command]:
        """What is left once those are decided. Errors: AccountFailed."""
        commands = self._ask(account, self._broker.follow_up) if self._memory.entries else []
        holds = any(position.qty for position in account.positions.values())
        if self._nights and account.kind is AccountKind.MARGIN and (holds or account.cash < 0):
            commands.append(AccrueInterest(self._nights))
        if holds or self._traded:
            commands.append(RevaluePortfolio(self._step))
        return commands

    def _ask(self, account: Account, broker: Callable[..., list[Command]]) -> list[Command]:
        margin = account.kind is AccountKind.MARGIN
        try:
            commands = broker(
                account.orders.values(), self._bars, self._time, self._moment, self._memory, margin=margin
            )
        except (TraderbotError, ArithmeticError, LookupError, ValueError) as error:
            raise AccountFailed(account.id, error) from error
        self._traded = self._traded or bool(commands)
        return commands


def accounts_of(connection: Connection, session_id: UUID) -> list[UUID]:
    """The accounts of a session."""
    query = sa.select(t.accounts.c.id).where(t.accounts.c.session_id == session_id)
    return list(connection.execute(query).scalars())


def left_behind_of(connection: Connection, session_id: UUID) -> list[UUID]:
    """The accounts of a session that its steps no longer touch."""
    behind = t.accounts.c.halted.startswith(LEFT_BEHIND, autoescape=True)
    query = sa.select(t.accounts.c.id).where(t.accounts.c.session_id == session_id, behind)
    return list(connection.execute(query).scalars())


def _pause(failure: AccountFailed) -> PauseTrading:
    return PauseTrading(f"{LEFT_BEHIND}: {failure.detail}"[:DETAIL_MAX])


def _stay_paused(account: Account) -> list[Command]:
    """An account that missed a step must not trade again, whoever resumed it."""
    return [PauseTrading(LEFT_BEHIND)] if account.halted is None else []
