"""How each part of a process does, and whether that keeps orders from being taken."""

from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from traderbot.alerts.watch import waited
from traderbot.bootstrap import Platform
from traderbot.infra.limits.shared_rates import SharedRates
from traderbot.infra.redaction import without_passwords
from traderbot.infra.storage.pools import spent_pools
from traderbot.model.errors import TraderbotError, Unavailable
from traderbot.trading.streams import session_stream
from traderbot.trading.work import Work

NOBODY = "played by nobody"
Status = Literal["ready", "degraded"]
WAITED_MAX_S = 60
LAG_MAX = 10_000  # events; more is a replica whose market is old


class Part(NamedTuple):
    """One part: what there is to say of it, and whether it does well."""

    says: str
    well: bool = True


OK = Part("ok")


def parts_of(platform: Platform) -> dict[str, Part]:
    """Every part of this process that is set up. Errors: Unavailable, where no order can be taken: the
    process is stopping, or the writer or the database fails.
    """
    if platform.draining:
        raise Unavailable("this process is stopping")
    platform.path.submit(Work())
    parts = {"database": OK, "writer": OK}
    spent = spent_pools(platform.pools)
    if spent:
        parts["database"] = Part(f"all connections in use: {', '.join(spent)}", well=False)
    readable = "readers" not in spent
    if readable:
        with platform.database.read() as connection:
            connection.execute(sa.select(sa.literal(1)))
    parts["session"] = _session(platform)
    parts["tail"] = _behind(platform.tail.lag)
    parts["handlers"] = _handlers(platform) if readable else Part("unknown", well=False)
    parts["alerts"] = _alerts(platform) if readable else Part("unknown", well=False)
    if platform.settings.nats_url is not None:
        parts["relay"] = _relay(platform)
    if platform.duties.api:
        parts |= _rates(platform)
    parts["traces"] = _traces(platform)
    return parts


def ready_answer(platform: Platform) -> tuple[int, dict[str, Any]]:
    """What /health/ready says outside of the API."""
    try:
        parts = parts_of(platform)
    except TraderbotError as error:
        return 503, {"status": "unavailable", "detail": without_passwords(error.detail)}
    return 200, {"status": status_of(parts), "parts": {name: part.says for name, part in parts.items()}}


def status_of(parts: dict[str, Part]) -> Status:
    return "ready" if all(part.well for part in parts.values()) else "degraded"


def troubles_of(platform: Platform) -> dict[str, str | None]:
    """What each part says that does not do well, None for the others, as rules of alerts ask it. Errors:
    Unavailable.
    """
    return {name: None if part.well else part.says for name, part in parts_of(platform).items()}


def _session(platform: Platform) -> Part:
    """Who plays the session, and whether it goes on."""
    session = platform.session
    if session.trouble is not None:
        return Part(f"cannot go on: {without_passwords(session.trouble)[:300]}", well=False)
    if session.playing:
        return Part("played here")
    holder = _holder(platform, session_stream(session.session_id))
    return Part(f"played elsewhere, by {holder}") if holder else Part(NOBODY, well=False)


def _behind(lag: int) -> Part:
    """How far this process is behind what all processes commit."""
    return OK if lag < LAG_MAX else Part(f"{lag} events behind", well=False)


def _handlers(platform: Platform) -> Part:
    """How far the handlers of events are, whichever process runs them."""
    standings = platform.bus.standings(platform.database, platform.clock.now())
    dead, behind = sum(one.dead for one in standings), max((one.behind for one in standings), default=0)
    said = [f"{dead} dead letters"] if dead else []
    if behind >= LAG_MAX:
        said.append(f"{behind} events behind")
    return Part(", ".join(said), well=False) if said else OK


def _alerts(platform: Platform) -> Part:
    """How far the rules of alerts are behind, whichever process measures them."""
    with platform.database.read() as connection:
        seconds = waited(connection, platform.clock.now())
    return OK if seconds < WAITED_MAX_S else Part(f"rules are {seconds:.0f} seconds behind", well=False)


def _relay(platform: Platform) -> Part:
    """Whether events are published, here or elsewhere."""
    relay = platform.relay
    if relay is not None and "relay" in platform.leases.held:
        trouble = relay.trouble
        return Part("publishes here") if trouble is None else Part(without_passwords(trouble), well=False)
    holder = _holder(platform, "relay")
    return Part(f"elsewhere, by {holder}") if holder else Part("published by nobody", well=False)


def _rates(platform: Platform) -> dict[str, Part]:
    rates = platform.rates
    if not isinstance(rates, SharedRates):
        return {"rate limits": Part("of this process")}
    if rates.breaker.open:
        local = Part("a local share, until Valkey answers", well=False)
        return {"valkey": Part("does not answer", well=False), "rate limits": local}
    return {"valkey": OK, "rate limits": Part(f"shared by {rates.processes} processes")}


def _traces(platform: Platform) -> Part:
    if not platform.traces.enabled:
        return Part("off")
    return Part("the collector does not take them", well=False) if platform.traces.failing else OK


def _holder(platform: Platform, lease: str) -> str:
    """Who has a lease, "" for nobody."""
    held = platform.leases.find(lease)
    return held.holder if held is not None and held.live else ""
