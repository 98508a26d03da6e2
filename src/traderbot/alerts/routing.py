"""By which ways a user wants to be told of alerts, by their severity."""

from typing import get_args
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from traderbot.alerts.rules import Severity
from traderbot.alerts.tables import alert_routing

SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class Route(msgspec.Struct, frozen=True):
    """webhooks: ids of those that are told. resolved: whether also when the condition is over."""

    inbox: bool = True
    email: bool = False
    webhooks: tuple[UUID, ...] = ()
    resolved: bool = False


class Routing(msgspec.Struct, frozen=True):
    """A route for each severity; until a user says otherwise, the inbox."""

    info: Route = Route()
    warning: Route = Route()
    critical: Route = Route()

    def of(self, severity: str) -> Route:
        route: Route = getattr(self, severity)
        return route


USUAL = Routing()
_own = alert_routing.c


def routing_of(connection: Connection, user_id: UUID) -> Routing:
    text = connection.execute(sa.select(_own.routes).where(_own.user_id == user_id)).scalar()
    return USUAL if text is None else msgspec.json.decode(text, type=Routing)


def set_routing(connection: Connection, user_id: UUID, routing: Routing) -> None:
    connection.execute(sa.delete(alert_routing).where(_own.user_id == user_id))
    routes = msgspec.json.encode(routing).decode()
    connection.execute(sa.insert(alert_routing).values(user_id=user_id, routes=routes))
