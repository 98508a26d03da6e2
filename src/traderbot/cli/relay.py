"""`traderbot relay`: publish committed events to NATS JetStream from a process of its own."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from prometheus_client import CollectorRegistry

from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.serving import write_private
from traderbot.cli.told import told
from traderbot.infra.clock import WallClock
from traderbot.infra.delivery.duties import OnDuty
from traderbot.infra.delivery.jetstream import STREAM, Relay
from traderbot.infra.ids import instance_name
from traderbot.infra.leases import Leases, holder_name
from traderbot.infra.logs import configure_logs
from traderbot.infra.metrics_server import showing
from traderbot.infra.migrations import migrate
from traderbot.infra.redaction import without_passwords
from traderbot.infra.settings import Settings
from traderbot.infra.storage.database import Database, lock_home
from traderbot.infra.traces import open_traces
from traderbot.model.errors import ConfigurationError, TraderbotError
from traderbot.trading.command_path import CommandPath
from traderbot.trading.metrics import watch_path
from traderbot.trading.work import Work


def run_relay(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Purge the stream first and publish the whole journal again.")
    ] = False,
    stream: Annotated[str, typer.Option("--stream", help="JetStream stream to publish to.")] = STREAM,
    replicas: Annotated[
        int, typer.Option("--replicas", min=1, max=5, help="Replicas of a stream that has to be made.")
    ] = 1,
    home: HomeOption = None,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Write JSON here once it publishes or stands by.")
    ] = None,
    config: FileOption = None,
) -> None:
    """Publish committed events to NATS until told to stop. Beside another relay it stands by."""
    settings = settings_or_exit({"home": home}, config)
    instance = instance_name(settings.instance)
    configure_logs(settings.log_level, settings.log_format, instance=instance)
    with told(), _stopped_by_signals() as stopped, _opened(settings) as database:
        if settings.nats_url is None:
            raise ConfigurationError("nats_url: expected the address of a NATS server, nats://HOST:PORT")
        path = CommandPath(database, WallClock())
        leases = Leases(database, holder_name(settings.instance), settings.lease_s, alone=not database.shared)
        url = settings.nats_url.get_secret_value()
        registry = CollectorRegistry()
        watch_path(path, registry)
        traces = open_traces(settings.otlp_endpoint, instance)
        relay = Relay(
            database, path, url, registry, stream=stream, replicas=replicas, rebuild=rebuild, traces=traces
        )
        duty = OnDuty(leases, "relay", lambda lease: relay.under(lease.check))
        try:
            duty.start()
            if ready_file is not None:
                write_private(ready_file, b"{}")
            with showing(
                settings.metrics_host, settings.metrics_port, registry, lambda: _ready(path, leases, relay)
            ):
                stopped.wait()
        finally:
            duty.stop()
            leases.close()
            path.close()
            traces.close()


def _ready(path: CommandPath, leases: Leases, relay: Relay) -> tuple[int, dict[str, Any]]:
    """How a relay of its own does: ready, or standing by beside another; else what is in its way."""
    try:
        path.submit(Work())
    except TraderbotError as error:
        return 503, {"status": "unavailable", "detail": without_passwords(error.detail)}
    says = "stands by"
    if "relay" in leases.held:
        says = without_passwords(relay.trouble or "publishes here")
    well = says == "stands by" or relay.trouble is None
    parts = {"database": "ok", "relay": says}
    return 200, {"status": "ready" if well else "degraded", "parts": parts}


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    """The database with its schema up to date. One in a file has one process at a time, which publishes as it
    serves.
    """
    database = Database(settings.database_url)
    try:
        lock = None if database.shared else lock_home(settings.home)
        try:
            migrate(database)
            yield database
        finally:
            if lock is not None:
                lock.close()
    finally:
        database.close()


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stopped = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
