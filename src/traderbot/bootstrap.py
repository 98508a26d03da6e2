"""The one place where things are built and wired: settings in, a running platform out."""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy.engine import Connection

from traderbot.alerts.courier import Courier
from traderbot.alerts.watch import Watch
from traderbot.autopilot.assigning import Assigning
from traderbot.autopilot.runner import Autopilot
from traderbot.backtests.submitted.service import Backtests
from traderbot.event_map import build_bus
from traderbot.infra.caching.heads import HeadKeeper
from traderbot.infra.clock import WallClock
from traderbot.infra.delivery.duties import EVERYTHING, Duties, OnDuty
from traderbot.infra.delivery.jetstream import Relay
from traderbot.infra.events.archives import ArchivesMissing
from traderbot.infra.events.journal import Meta, read
from traderbot.infra.events.tail import Tail
from traderbot.infra.ids import instance_name, new_id
from traderbot.infra.leases import Lease, Leases, holder_name
from traderbot.infra.limits.shared_rates import from_threads, open_rates
from traderbot.infra.migrations import migrate
from traderbot.infra.settings import Settings, signing_secret
from traderbot.infra.storage.database import Database, Limits, lock_home
from traderbot.infra.storage.pools import watch_pools
from traderbot.infra.storage.queries import watch_queries
from traderbot.infra.traces import open_traces
from traderbot.infra.upkeep import make_parts_ahead
from traderbot.intelligence.forecast import Forecast
from traderbot.market.demo import ensure_demo
from traderbot.market.resampling import coarser_of
from traderbot.market.sessions import ReplaySession
from traderbot.model.commands import Command, DepositCash, OpenAccount
from traderbot.model.events import Event, RoleChanged, SessionOpened, UserRegistered
from traderbot.model.rules import Rules
from traderbot.portfolios.tracks import Tracks
from traderbot.rebalancing.keeper import Keeper
from traderbot.simulation.broker import SimulatedBroker
from traderbot.strategies.ai_forecast import AiForecast
from traderbot.strategies.base import Strategy
from traderbot.trading import tables as t
from traderbot.trading.assignments import Assigned
from traderbot.trading.command_path import CommandPath
from traderbot.trading.deliveries import Deliveries
from traderbot.trading.metrics import watch_path
from traderbot.trading.process_metrics import watch_process
from traderbot.trading.session_loop import SessionLoop, accounts_of, left_behind_of
from traderbot.trading.session_opening import open_session
from traderbot.trading.session_view import SessionView, standing_of
from traderbot.trading.streams import PLATFORM_STREAM, session_stream, user_stream
from traderbot.trading.terms import costs_of, rules_of
from traderbot.trading.work import Work
from traderbot.users.administration import OPERATOR
from traderbot.users.attempts import SignInAttempts
from traderbot.users.credentials import Fact
from traderbot.users.roles import Role
from traderbot.users.service import InsertUser, TokenLives, UsersService

T = TypeVar("T")
_log = structlog.get_logger()


class Platform:
    """Everything that runs in one process, built from settings. `open` builds it, `start` sets in motion what
    the process takes on.

    resumed: whether the session was on record already, so that the setting replay_start no longer counts.
    draining: whether it is about to stop and wants no more requests. on_duty: what runs while this process
    has the lease of that name; the relay and the durable handlers stand here beside the session.
    """

    def __init__(self, settings: Settings, duties: Duties, opened: ExitStack) -> None:
        self.settings = settings
        self.duties = duties
        self.draining = False
        self.clock = WallClock()
        self.metrics = CollectorRegistry()
        self._opened = opened
        self.traces = open_traces(settings.otlp_endpoint, instance_name(settings.instance))
        opened.callback(self.traces.close)
        self.database = Database(
            settings.database_url, limits=limits_of(settings), slow_query_ms=settings.slow_query_ms
        )
        opened.callback(self.database.close)
        migrate(self.database)
        make_parts_ahead(self.database, settings.partition_events)
        self.pools = {"readers": self.database.readers, "writer": self.database.writer}
        watch_pools(self.pools, self.metrics)
        watch_queries(self.pools, self.metrics)
        self.tracks = Tracks()
        self.bus = build_bus(self.database.dialect)
        self.path = CommandPath(self.database, self.clock, self.bus.reactions)
        opened.callback(self.path.close)
        watch_path(self.path, self.metrics, self.traces)
        self._keep_head()
        self.leases = Leases(
            self.database, holder_name(settings.instance), settings.lease_s, alone=not self.database.shared
        )
        opened.callback(self.leases.close)
        self.tail = Tail(self.database)
        opened.callback(self.tail.stop)
        self._put_rules_in_force()
        self.dataset = ensure_demo(settings.home)
        self.on_duty: list[OnDuty] = []
        self.session = self._build_session()
        self.deliveries = self._build_deliveries()
        self.alerts, self.courier = self._build_alerts()
        self.backtests = self._build_backtests()
        self.relay = self._build_relay()
        self.path.listen(self.session.hear if self.database.shared else self.tail.feed)
        self.tail.follow(self.session.hear)
        self.tail.start()
        opened.callback(self._leave)
        self.users = self._build_users()
        self.tail.follow(self.users.hear)
        watch_process(self.metrics, self.database, self.session, self.tail, self.leases, self.traces)

    @classmethod
    def open(cls, settings: Settings, duties: Duties = EVERYTHING) -> "Platform":
        """Take the home directory, which processes on one PostgreSQL may share, and build everything. Errors:
        ConfigurationError.
        """
        with ExitStack() as opened:
            shared = not settings.database_url.startswith("sqlite")
            opened.callback(lock_home(settings.home, shared=shared).close)
            platform = cls(settings, duties, opened)
            platform._opened = opened.pop_all()
            return platform

    def start(self) -> None:
        """Let whatever this process takes on run, each part as soon as its lease can be had."""
        for duty in self.on_duty:
            duty.start()

    def close(self) -> None:
        """Stop the session behind its step, commit what waits, let go of leases and home directory."""
        self._opened.close()

    def _leave(self) -> None:
        for duty in self.on_duty:  # the relay last, so that what the others did is published
            duty.stop()
        self.deliveries.stop()
        if isinstance(self.session, SessionLoop):
            self.session.stop()

    def trade_by_ai(self, account_id: UUID) -> None:
        """Let the AI strategy trade the account, in whichever process plays its session."""
        self.trade_by(Assigned(account_id, AiForecast.name, AiForecast.name, {}))

    def trade_by(self, wanted: Assigned, why: dict[str, str] | None = None) -> list[str]:
        """As `Assigning.give`, from the next step of this process's session on."""
        warnings = self.assigning.give(wanted, why)
        self._resume_strategies()
        return warnings

    def _resume_strategies(self) -> None:
        if self.autopilot is not None:
            self.assigning.resume(self.autopilot)

    def _ai_forecast(self) -> Strategy:
        """Every model it trains is kept in HOME/models."""
        return AiForecast(
            collar=self.settings.collar,
            on_model=keep_model(self.settings.home / "models"),
            data=f"{self.dataset.name} {self.dataset.sha256[:12]}",
        )

    def _build_deliveries(self) -> Deliveries:
        """The runner of the bus's handlers, woken by every commit."""
        deliveries = Deliveries(
            self.bus, self.path, self.database, self.clock, registry=self.metrics, traces=self.traces
        )
        self.tail.follow(lambda _recorded: deliveries.wake())
        if self.duties.handlers:
            self.on_duty.append(OnDuty(self.leases, "handlers", lambda lease: deliveries.under(lease.check)))
        return deliveries

    def _build_alerts(self) -> tuple[Watch, Courier]:
        """What measures the rules of alerts, woken by every commit, and what sends alerts to the outside."""
        settings = self.settings
        watch = Watch(self.session, self.path, self.database, self.clock)
        courier = Courier(settings, signing_secret(settings), self.path, self.database, self.clock)
        self.tail.follow(lambda _recorded: watch.wake())
        self.deliveries.listen(courier.wake)
        if self.duties.handlers:
            self.on_duty += [
                OnDuty(self.leases, "alerts", lambda lease: watch.under(lease.check)),
                OnDuty(self.leases, "courier", lambda lease: courier.under(lease.check)),
            ]
        return watch, courier

    def _build_backtests(self) -> Backtests:
        """The door to backtests, and the slots that run them where that is a duty of this process."""
        settings = self.settings
        backtests = Backtests(settings, self.database, self.path, self.clock, rules_of(settings))
        if self.duties.backtests:
            self.on_duty += backtests.duties(self.leases)
        return backtests

    def _keep_head(self) -> None:
        """Tell other processes how far one must have heard, where they can be told."""
        url = self.settings.valkey_url
        if url is None or not self.database.shared:
            return
        keeper = HeadKeeper(self.database, url)
        self._opened.callback(keeper.stop)
        self.path.listen(keeper.hear)
        self.path.acknowledging(keeper.catch_up)
        keeper.start()

    def _build_relay(self) -> Relay | None:
        """Publishes to NATS, where that is set and a duty of this process."""
        url = self.settings.nats_url
        if url is None or not self.duties.relay:
            return None
        relay = Relay(self.database, self.path, url.get_secret_value(), self.metrics, traces=self.traces)
        self.tail.follow(lambda _recorded: relay.wake())
        self.on_duty.append(OnDuty(self.leases, "relay", lambda lease: relay.under(lease.check)))
        return relay

    def _build_users(self) -> UsersService:
        """The door to people, with sign-ins limited as requests are."""
        settings = self.settings
        users = UsersService(
            database=self.database,
            writer=self.path,
            clock=self.clock,
            secret=signing_secret(settings),
            open_account=self._open_account,
            record=self._record,
            lives=TokenLives(settings.access_token_minutes, settings.refresh_token_days),
            open_registration=settings.open_registration,
        )
        self.rates = open_rates(settings)
        users.attempts = SignInAttempts(self.clock, rates=from_threads(self.rates))
        return users

    def _put_rules_in_force(self) -> None:
        """Journal the limits of the settings where they differ from those in force; a halt in force stays."""
        first = False

        def look(connection: Connection) -> None:
            nonlocal first
            first = connection.execute(sa.select(t.rules.c.version)).first() is None

        def change(now: Rules) -> Rules:
            wanted = rules_of(self.settings, now)
            if wanted == now and not first:
                return now
            return msgspec.structs.replace(wanted, version=now.version if first else now.version + 1)

        self.path.submit(Work(rules=change, job=look, alone=True))

    def _build_session(self) -> SessionView:
        """The session on record, played here or only followed."""
        settings = self.settings
        self.resumed, session_id = open_session(self.path, self.database, self.dataset, settings.replay_start)
        with self.database.read() as connection:
            standing = standing_of(connection, session_id, settings.replay_speed)
            accounts = accounts_of(connection, session_id)
            left_behind = left_behind_of(connection, session_id)
            first_step = _first_step(connection, session_id)
        replay = ReplaySession(
            self.dataset, step=standing.step, first_step=first_step, speed=settings.replay_speed
        )
        self.assigning = Assigning(
            self.path, self.database, self.clock, session_id, self._ai_forecast, self.dataset.bars
        )
        self.autopilot: Autopilot | None = None
        if not self.duties.session:
            view = SessionView(session_id, replay, self.path)
            view.stand(standing)
            return view
        broker, shared = SimulatedBroker(costs_of(settings), rules_of(settings)), self.database.shared
        loop = SessionLoop(session_id, replay, self.path, broker, accounts, left_behind, shared=shared)
        loop.stand(standing)
        self.autopilot = Autopilot(
            self.path,
            self.database,
            loop.bars,
            self.dataset.actions,
            loop.check,
            rules_of(settings),
            coarser_of(self.dataset),
            self.dataset.membership,
        )
        if shared:  # another process may have given an account to a strategy
            loop.followers.append(lambda _market, _moved: self._resume_strategies())
        loop.followers.append(self.autopilot.follow)
        loop.followers.append(self._keeper(loop).follow)
        self.on_duty.append(OnDuty(self.leases, session_stream(session_id), self._play_under))
        return loop

    def _keeper(self, loop: SessionLoop) -> Keeper:
        """What rebalances the session's accounts after each of its steps."""
        about = self.dataset, self.tracks, costs_of(self.settings), loop.session_id, loop.check
        return Keeper(self.path, self.database, self.clock, *about)

    def _play_under(self, lease: Lease) -> SessionLoop:
        """Go on with the session and its strategies where they stand on record."""
        loop, session_id = self.session, self.session.session_id
        assert isinstance(loop, SessionLoop)
        assert self.autopilot is not None
        with self.database.read() as connection:
            standing = standing_of(connection, session_id, self.settings.replay_speed)
            accounts = accounts_of(connection, session_id)
            loop.take_over(lease, standing, accounts, left_behind_of(connection, session_id))
        if self.database.shared:
            self.autopilot.begin_anew()
        self._resume_strategies()
        return loop

    def _open_account(self, user_id: UUID, insert_user: InsertUser, role: Role) -> UUID:
        """A paper account with the starting cash, in the session that is running, in one transaction with
        its user.
        """
        account_id = new_id()
        stream = user_stream(user_id)
        facts: list[tuple[str, Event]] = [(stream, UserRegistered(user_id))]
        if role != "trader":  # which nobody becomes by registering
            facts.append((stream, RoleChanged(user_id, role)))
        commands: list[tuple[UUID, Command]] = [
            (account_id, OpenAccount(account_id, user_id, self.session.session_id, "USD")),
            (account_id, DepositCash(self.settings.starting_cash)),
        ]
        self.path.submit(
            Work(
                facts=facts,
                commands=commands,
                job=lambda connection: insert_user(connection, account_id),
                meta=Meta(actor=f"user:{user_id}" if role == "trader" else OPERATOR.name),
            )
        )
        return account_id

    def _record(self, facts: Iterable[Fact], job: Callable[[Connection], T], actor: str) -> T:
        """Append facts about people and run their job, in one transaction."""
        staged = [(PLATFORM_STREAM if who is None else user_stream(who), event) for who, event in facts]
        result: T = self.path.submit(Work(facts=staged, job=job, meta=Meta(actor=actor))).result
        return result


def limits_of(settings: Settings) -> Limits:
    """What is set of the database's connections."""
    return Limits(settings.database_readers, settings.statement_timeout_s)


def _first_step(connection: Connection, session_id: UUID) -> int | None:
    """The step that a session began with; None where its opening lies in an archive that is not here, which
    must not keep a process from starting.
    """
    try:
        opening = read(connection, stream=session_stream(session_id), limit=1)[0].event
    except ArchivesMissing as error:
        _log.warning("archive_missing", error=error.detail)
        return None
    return opening.step + 1 if isinstance(opening, SessionOpened) else None


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
