"""Which strategies trade which accounts: put on record, taken off it, and made as the record says."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from traderbot.autopilot.runner import DETAIL_MAX, Autopilot
from traderbot.autopilot.sources import changed, latest, of_a_file, unusable
from traderbot.backtests.material import strategy_of
from traderbot.infra.clock import Clock
from traderbot.infra.events.journal import Meta
from traderbot.infra.storage.database import Database
from traderbot.model.account import PAPER
from traderbot.model.commands import Command, PauseTrading
from traderbot.model.errors import Conflict, InvalidValue, NotFound
from traderbot.model.events import Event
from traderbot.model.platform_events import AdministrationDone
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.strategies.base import Strategy
from traderbot.strategies.loading import source_hash
from traderbot.trading import tables as t
from traderbot.trading.assignments import (
    ASSIGNED,
    CODE_CHANGED,
    STOPPED,
    UNASSIGNED,
    Assigned,
    assign,
    assigned,
    unassign,
)
from traderbot.trading.command_path import CommandPath
from traderbot.trading.session_loop import accounts_of
from traderbot.trading.streams import PLATFORM_STREAM
from traderbot.trading.work import Work
from traderbot.users.administration import OPERATOR

_log = structlog.get_logger()


class Trading(NamedTuple):
    """A strategy that trades an account, and what to know of it. source: its name or file; sha256: of its
    code; assigned_at, stopped_at: wall time, microseconds; stopped: why it is not run.
    """

    name: str
    source: str
    sha256: str | None
    parameters: dict[str, str]
    assigned_at: int | None
    warnings: tuple[str, ...]
    stopped: str | None
    stopped_at: int | None


class Assigning:
    """The record of a session's strategies.

    make_ai: the AI strategy as the settings have it. symbols: of the session.
    """

    def __init__(
        self,
        path: CommandPath,
        database: Database,
        clock: Clock,
        session_id: UUID,
        make_ai: Callable[[], Strategy],
        symbols: Iterable[str] = (),
    ) -> None:
        self._path, self._database, self._clock = path, database, clock
        self._session_id = session_id
        self._make_ai = make_ai
        self._symbols = list(symbols)

    def give(self, wanted: Assigned, why: dict[str, str] | None = None) -> list[str]:
        """Let a strategy trade an account from the next step on; again, with the code and the parameters it
        has now. why: told on record with it, beside the hash of its code.

        Errors: InvalidValue for no strategy, NotFound for no account of the session, Conflict for one whose
        orders would go to a broker. Returns: what the person who does it should know.
        """
        sha256 = source_hash(type(self.made(wanted)))

        def job(connection: Connection) -> None:
            if wanted.account_id not in accounts_of(connection, self._session_id):
                raise NotFound(f"no account {wanted.account_id} in the session that runs")
            _check_paper(connection, wanted.account_id)
            assign(connection, wanted, self._clock.now())

        more = {**(why or {}), "sha256": sha256, "source": wanted.source, "parameters": wanted.parameters}
        self._submit(ASSIGNED, wanted.account_id, wanted.strategy, job, more)
        return self._beside(wanted)

    def take(self, account_id: UUID, strategy: str) -> None:
        """Let it trade no longer; its orders and positions stay. Errors: NotFound."""

        def job(connection: Connection) -> None:
            if not unassign(connection, account_id, strategy):
                raise NotFound(f"no strategy {strategy} trades the account {account_id}")

        self._submit(UNASSIGNED, account_id, strategy, job, {})

    def all(self) -> list[Assigned]:
        """What trades which account."""
        with self._database.read() as connection:
            return assigned(connection, self._session_id)

    def resume(self, autopilot: Autopilot) -> None:
        """Have accounts traded by what the record says, and by nothing else."""
        wanted = self.all()
        autopilot.keep({(one.account_id, one.strategy) for one in wanted})
        for one in wanted:
            if not autopilot.trades(one.account_id, one.strategy):
                strategy = self._as_assigned(one)
                if strategy is not None:
                    autopilot.assign(one.account_id, strategy)

    def stopped(self, one: Assigned) -> str | None:
        """Why a strategy that is assigned is not run, if it is not."""
        with self._database.read() as connection:
            known = latest(connection, one.account_id, one.strategy)
        return str(known.detail["reason"]) if known.what == STOPPED else None

    def trading(self, account_id: UUID) -> list[Trading]:
        """The strategies of an account with what a person should know of each."""
        found = []
        for one in self.all():
            if one.account_id != account_id:
                continue
            with self._database.read() as connection:
                now = latest(connection, account_id, one.strategy)
                given = latest(connection, account_id, one.strategy, (ASSIGNED,))
                code = latest(connection, account_id, one.strategy, (ASSIGNED, CODE_CHANGED))
            stopped = now.what == STOPPED
            found.append(
                Trading(
                    one.strategy,
                    one.source,
                    code.detail.get("sha256"),
                    one.parameters,
                    given.at,
                    tuple(self._beside(one)),
                    str(now.detail["reason"]) if stopped else None,
                    now.at if stopped else None,
                )
            )
        return found

    def _as_assigned(self, one: Assigned) -> Strategy | None:
        """The strategy, of the code that was assigned. One's own file that is another by now, or gone, is
        stopped and its account paused, until it is assigned anew; other code of the platform's own goes on.
        """
        with self._database.read() as connection:
            recorded = latest(connection, one.account_id, one.strategy)
        if recorded.what == STOPPED:
            return None
        try:
            strategy = self.made(one)
        except InvalidValue as error:
            self._stop(one, unusable(one, error.detail))
            return None
        known, sha256 = recorded.detail.get("sha256"), source_hash(type(strategy))
        if known is None or known == sha256:
            return strategy
        if of_a_file(one.source):
            self._stop(one, changed(one))
            return None
        _log.warning("strategy_code_changed", strategy=one.strategy, account=str(one.account_id))
        self._submit(CODE_CHANGED, one.account_id, one.strategy, None, {"was": known, "sha256": sha256})
        return strategy

    def _stop(self, one: Assigned, reason: str) -> None:
        _log.warning("strategy_stopped", strategy=one.strategy, account=str(one.account_id), reason=reason)
        pause = (one.account_id, PauseTrading(reason[:DETAIL_MAX]))
        self._submit(STOPPED, one.account_id, one.strategy, None, {"reason": reason}, [pause])

    def _beside(self, wanted: Assigned) -> list[str]:
        """A warning for each other strategy of the account: a session shows all of its symbols to each."""
        others = [one for one in self.all() if one.account_id == wanted.account_id]
        return [
            f"{one.strategy} trades this account too, and both may trade every symbol of the session: "
            + ", ".join(self._symbols)
            for one in others
            if one.strategy != wanted.strategy
        ]

    def made(self, wanted: Assigned) -> Strategy:
        """A fresh strategy. Errors: InvalidValue."""
        return (
            self._make_ai()
            if wanted.source == AiForecast.name
            else strategy_of(wanted.source, wanted.parameters)
        )

    def _submit(
        self,
        what: str,
        account_id: UUID,
        strategy: str,
        job: Callable[[Connection], None] | None,
        more: dict[str, Any],
        commands: Sequence[tuple[UUID, Command]] = (),
    ) -> None:
        done = AdministrationDone(what, {"account_id": str(account_id), "strategy": strategy, **more})
        facts: list[tuple[str, Event]] = [(PLATFORM_STREAM, done)]
        self._path.submit(Work(list(commands), facts=facts, job=job, meta=Meta(actor=OPERATOR.name)))


def _check_paper(connection: Connection, account_id: UUID) -> None:
    """Errors: Conflict for an account whose orders would go to a broker."""
    query = sa.select(t.accounts.c.broker).where(t.accounts.c.id == account_id)
    broker = connection.execute(query).scalar()
    if broker != PAPER:
        raise Conflict(
            f"the account {account_id} is of the broker {broker}, and there is no connection to a live broker"
            " yet: a strategy can trade paper accounts only"
        )
