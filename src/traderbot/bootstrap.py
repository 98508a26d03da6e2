"""The one place where things are built and wired: settings in, a running platform out."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Connection

from traderbot.autopilot.runner import Autopilot
from traderbot.infra.clock import WallClock
from traderbot.infra.database import Database, lock_home
from traderbot.infra.ids import new_id
from traderbot.infra.journal import Meta, read
from traderbot.infra.migrations import migrate
from traderbot.infra.settings import Settings, signing_secret
from traderbot.infra.shared_rates import from_threads, open_rates
from traderbot.intelligence.forecast import Forecast
from traderbot.market.datasets import Dataset
from traderbot.market.demo import ensure_demo
from traderbot.market.sessions import ReplaySession
from traderbot.model.commands import Command, DepositCash, OpenAccount
from traderbot.model.errors import ConfigurationError
from traderbot.model.events import Event, PreferencesChanged, SessionOpened, UserRegistered
from traderbot.model.rules import Rules
from traderbot.simulation.broker import SimulatedBroker
from traderbot.simulation.costs import Costs
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.trading import tables as t
from traderbot.trading.command_path import CommandPath
from traderbot.trading.metrics import watch_path
from traderbot.trading.session_loop import SessionLoop, accounts_of, left_behind_of
from traderbot.trading.streams import session_stream, user_stream
from traderbot.trading.work import Work
from traderbot.users.attempts import SignInAttempts
from traderbot.users.service import InsertUser, TokenLives, UsersService

_log = structlog.get_logger()
_BASIS_POINT = Decimal("0.0001")


class Platform:
    """Everything that runs in one process, built from settings. `open` builds it, `start` sets the session
    in motion.

    resumed: whether the session was on record already, so that the setting replay_start no longer counts.
    """

    def __init__(self, settings: Settings, opened: ExitStack) -> None:
        self.settings = settings
        self.clock = WallClock()
        self.metrics = CollectorRegistry()
        self._opened = opened
        self.database = Database(settings.database_url)
        opened.callback(self.database.close)
        migrate(self.database)
        self._claim_session()
        self.path = CommandPath(self.database, self.clock)
        opened.callback(self.path.close)
        watch_path(self.path, self.metrics)
        self._put_rules_in_force()
        self.dataset = ensure_demo(settings.home)
        self.resumed, self.session = self._open_session(self.dataset)
        opened.callback(self.session.stop)
        self.autopilot = Autopilot(self.path, self.database, self.session.bars, self.dataset.actions)
        self.session.followers.append(self.autopilot.follow)
        self.users = UsersService(
            database=self.database,
            writer=self.path,
            clock=self.clock,
            secret=signing_secret(settings),
            open_account=self._open_account,
            change_preferences=self._change_preferences,
            lives=TokenLives(settings.access_token_minutes, settings.refresh_token_days),
            open_registration=settings.open_registration,
        )
        self.rates = open_rates(settings)
        self.users.attempts = SignInAttempts(self.clock, rates=from_threads(self.rates))

    @classmethod
    def open(cls, settings: Settings) -> "Platform":
        """Take the home directory and build everything. Errors: ConfigurationError."""
        with ExitStack() as opened:
            opened.callback(lock_home(settings.home).close)
            platform = cls(settings, opened)
            platform._opened = opened.pop_all()
            return platform

    def start(self) -> None:
        """Let the session play."""
        self.session.start()

    def close(self) -> None:
        """Stop the session, commit what waits, let go of the home directory."""
        self._opened.close()

    def trade_by_ai(self, account_id: UUID) -> None:
        """Let the AI strategy trade the account; every model it trains is kept in HOME/models."""
        strategy = AiForecast(
            collar=self.settings.collar,
            on_model=keep_model(self.settings.home / "models"),
            data=f"{self.dataset.name} {self.dataset.sha256[:12]}",
        )
        self.autopilot.assign(account_id, strategy)

    def _claim_session(self) -> None:
        """Keep other processes from playing the same session. Errors: ConfigurationError if one does."""
        claim = self.database.claim("market session")
        if claim is None:
            raise ConfigurationError(
                "database_url: another traderbot process plays the market session of this database;"
                " stop it first"
            )
        self._opened.callback(claim.close)

    def _put_rules_in_force(self) -> None:
        """Journal the limits of the settings where they differ from those in force; a halt in force stays."""
        with self.database.read() as connection:
            first = connection.execute(sa.select(t.rules.c.version)).first() is None

        def change(now: Rules) -> Rules:
            wanted = rules_of(self.settings, now)
            if wanted == now and not first:
                return now
            return msgspec.structs.replace(wanted, version=now.version if first else now.version + 1)

        self.path.submit(Work(rules=change))

    def _open_session(self, dataset: Dataset) -> tuple[bool, SessionLoop]:
        """Go on with the session on record, or open the first one at the start that is set."""
        settings, accounts, left_behind = self.settings, list[UUID](), list[UUID]()
        with self.database.read() as connection:
            row = connection.execute(
                sa.select(t.market_sessions).order_by(t.market_sessions.c.at.desc())
            ).first()
            if row is not None:
                accounts = accounts_of(connection, row.id)
                left_behind = left_behind_of(connection, row.id)
                opening = read(connection, stream=session_stream(row.id), limit=1)[0].event
        if row is None:
            session_id, replay = new_id(), ReplaySession(dataset, speed=settings.replay_speed)
            replay.start_at(_first_day(dataset, settings.replay_start))
            opened = SessionOpened(
                replay.time, session_id, dataset.name, dataset.sha256, dataset.calendar, replay.step
            )
            self.path.submit(Work(facts=[(session_stream(session_id), opened)]))
        else:
            if row.dataset_hash != dataset.sha256:
                raise ConfigurationError(
                    f"home: its session plays data {row.dataset_hash[:12]}, but the data set {dataset.name}"
                    f" is now {dataset.sha256[:12]}; begin in another home"
                )
            first_step = opening.step + 1 if isinstance(opening, SessionOpened) else None
            session_id, replay = (
                row.id,
                ReplaySession(dataset, step=row.step, first_step=first_step, speed=settings.replay_speed),
            )
        broker = SimulatedBroker(costs_of(settings), rules_of(settings))
        return row is not None, SessionLoop(session_id, replay, self.path, broker, accounts, left_behind)

    def _open_account(self, user_id: UUID, insert_user: InsertUser) -> UUID:
        """A paper account with the starting cash, in the session that is running, in one transaction with
        its user.
        """
        account_id = new_id()
        commands: list[tuple[UUID, Command]] = [
            (account_id, OpenAccount(account_id, user_id, self.session.session_id, "USD")),
            (account_id, DepositCash(self.settings.starting_cash)),
        ]
        self.path.submit(
            Work(
                facts=[(user_stream(user_id), UserRegistered(user_id))],
                commands=commands,
                job=lambda connection: insert_user(connection, account_id),
                meta=Meta(actor=f"user:{user_id}"),
            )
        )
        return account_id

    def _change_preferences(self, user_id: UUID, job: Callable[[Connection], Any]) -> None:
        fact: tuple[str, Event] = (user_stream(user_id), PreferencesChanged(user_id))
        self.path.submit(Work(facts=[fact], job=job, meta=Meta(actor=f"user:{user_id}")))


def rules_of(settings: Settings, now: Rules | None = None) -> Rules:
    """The rules in force, with the limits that are set."""
    return msgspec.structs.replace(
        now or Rules(),
        max_order_value=settings.max_order_value,
        collar=settings.collar,
        max_limit_distance=settings.max_limit_distance,
        fee_rate=settings.fee_bps * _BASIS_POINT,
    )


def costs_of(settings: Settings) -> Costs:
    """What a simulated fill costs."""
    fee_rate, slippage = settings.fee_bps * _BASIS_POINT, settings.slippage_bps * _BASIS_POINT
    return Costs(fee_rate, slippage, settings.participation)


def _first_day(dataset: Dataset, wanted: date) -> date:
    """The start that is set. Errors: ConfigurationError where the data set does not have that day."""
    first, last = dataset.sessions.date_of(dataset.first_time), dataset.sessions.date_of(dataset.last_time)
    if not first < wanted <= last:
        raise ConfigurationError(
            f"replay_start (--start): expected a date after {first}, up to {last}, got {wanted}"
        )
    return wanted


def keep_model(folder: Path) -> Callable[[Forecast], None]:
    """A function that keeps models as files named by their version, each whole or not at all.

    A model that cannot be written is said and does not stop the strategy: training it again from the same
    data gives the same file.
    """

    def keep(model: Forecast) -> None:
        path = folder / f"forecast-{model.card.version}.json"
        if path.exists():
            return
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                file.write(model.to_text())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            _log.error("model_not_kept", path=str(path), error=error.strerror)

    return keep
