"""Which event has which consequences: the one list of everything that reacts to events or handles them.

Reactions are decided in the transaction of the event itself; handlers come after its commit.
"""

from collections.abc import Iterable

from sqlalchemy.engine import Dialect

from traderbot.alerts.telling import alert_handlers
from traderbot.infra.delivery.bus import Bus, Handler, Reaction
from traderbot.model.account import Account
from traderbot.model.commands import Command, PauseTrading
from traderbot.model.events import EVENT_TYPES, RiskLimitBreached
from traderbot.notifications.handlers import inbox_handlers


def pause_account(event: RiskLimitBreached, account: Account) -> Iterable[Command]:
    """A limit that halts pauses its account, unless it is paused already."""
    if event.halt and account.halted is None:
        yield PauseTrading(f"risk limit reached: {event.limit.replace('_', ' ')}")


REACTIONS = (Reaction("pause_account", RiskLimitBreached, pause_account),)


def build_bus(dialect: Dialect, more: Iterable[Handler] = ()) -> Bus:
    """The platform's bus. more: handlers besides those of the inbox and of alerts."""
    return Bus(REACTIONS, (*inbox_handlers(dialect), *alert_handlers(dialect), *more))


def event_map(bus: Bus) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Every event type that has a consequence, with its reactions and its handlers."""
    rows = []
    for name, kind in sorted(EVENT_TYPES.items()):
        reactions = tuple(one.name for one in bus.all_reactions if one.type is kind)
        handlers = tuple(one.name for one in bus.handlers if kind in one.types)
        if reactions or handlers:
            rows.append((name, reactions, handlers))
    return rows
