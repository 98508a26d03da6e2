"""Which strategies trade which accounts: put on record, taken off it, and made as the record says."""

from collections.abc import Callable
from uuid import UUID

import structlog
from sqlalchemy.engine import Connection

from traderbot.autopilot.runner import Autopilot
from traderbot.backtests.material import strategy_of
from traderbot.infra.clock import Clock
from traderbot.infra.database import Database
from traderbot.infra.journal import Meta
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.model.platform_events import AdministrationDone
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.strategies.base import Strategy
from traderbot.trading.assignments import Assigned, assign, assigned, unassign
from traderbot.trading.command_path import CommandPath
from traderbot.trading.session_loop import accounts_of
from traderbot.trading.streams import PLATFORM_STREAM
from traderbot.trading.work import Work
from traderbot.users.administration import OPERATOR

_log = structlog.get_logger()


class Assigning:
    """The record of a session's strategies. make_ai: the AI strategy as the settings have it."""

    def __init__(
        self,
        path: CommandPath,
        database: Database,
        clock: Clock,
        session_id: UUID,
        make_ai: Callable[[], Strategy],
    ) -> None:
        self._path, self._database, self._clock = path, database, clock
        self._session_id = session_id
        self._make_ai = make_ai

    def give(self, wanted: Assigned, why: dict[str, str] | None = None) -> None:
        """Let a strategy trade an account from the next step on. why: told on record with it.

        Errors: InvalidValue for no strategy, NotFound for no account of the session.
        """
        self.made(wanted)

        def job(connection: Connection) -> None:
            if wanted.account_id not in accounts_of(connection, self._session_id):
                raise NotFound(f"no account {wanted.account_id} in the session that runs")
            assign(connection, wanted, self._clock.now())

        self._submit("strategy_assigned", wanted.account_id, wanted.strategy, job, why or {})

    def take(self, account_id: UUID, strategy: str) -> None:
        """Let it trade no longer; its orders and positions stay. Errors: NotFound."""

        def job(connection: Connection) -> None:
            if not unassign(connection, account_id, strategy):
                raise NotFound(f"no strategy {strategy} trades the account {account_id}")

        self._submit("strategy_unassigned", account_id, strategy, job, {})

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
                try:
                    autopilot.assign(one.account_id, self.made(one))
                except InvalidValue as error:  # its file is gone, or another by now
                    _log.error("strategy_not_made", strategy=one.strategy, error=error.detail)

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
        job: Callable[[Connection], None],
        more: dict[str, str],
    ) -> None:
        done = AdministrationDone(what, {"account_id": str(account_id), "strategy": strategy, **more})
        self._path.submit(Work(facts=[(PLATFORM_STREAM, done)], job=job, meta=Meta(actor=OPERATOR.name)))
