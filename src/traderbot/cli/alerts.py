"""`traderbot alerts`: the alerts of this home, its rules, what was sent, and a try of the mail server.

Works while traderbot runs in the home. What changes anything is asked of the server that runs.
"""

from typing import Annotated

import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from traderbot.alerts.hooks import Delivery
from traderbot.alerts.rows import Alert
from traderbot.alerts.tables import alert_deliveries, alert_rules, alerts
from traderbot.cli.alert_settings import acknowledge, replay, route, rules_app, webhooks_app
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import print_table, shown_time
from traderbot.cli.opened import look_into
from traderbot.cli.told import told
from traderbot.infra.clock import WallClock, rfc3339
from traderbot.infra.ids import new_id
from traderbot.infra.settings import Settings
from traderbot.model.errors import InvalidValue, NotFound
from traderbot.users.tables import users

STATES = ("open", "acknowledged", "resolved")
_LIMIT = 10_000
app = typer.Typer(help="Alerts, their rules, what was sent of them.", invoke_without_command=True)


@app.callback()
def show_alerts(
    context: typer.Context,
    user: Annotated[str | None, typer.Option("--user", help="Of this user alone, by e-mail.")] = None,
    state: Annotated[str | None, typer.Option("--state", help=f"Only {', '.join(STATES)}.")] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Show the rules instead.")] = False,
    deliveries: Annotated[bool, typer.Option("--deliveries", help="Show what was sent instead.")] = False,
    mail_to: Annotated[
        str | None, typer.Option("--mail-to", help="Send a test e-mail to this address, and nothing else.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many, newest first.", min=1, max=_LIMIT)] = 50,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """List alerts, rules or what was sent of alerts; or try the mail server."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_or_exit({"home": home}, config)
    if mail_to is not None:
        with told():
            _send_test(settings, mail_to)
        typer.echo(f"{settings.smtp_host} took a message to {mail_to}")
        return
    with look_into(settings) as connection:
        if state is not None and state not in STATES:
            raise InvalidValue("--state", f"one of {', '.join(STATES)}", state)
        if rules:
            _print_rules(connection, user, limit)
        elif deliveries:
            _print_deliveries(connection, user, limit)
        else:
            _print_alerts(connection, user, state, limit)


def _of(
    connection: Connection, table: sa.Table, user: str | None, limit: int
) -> sa.Select[tuple[object, ...]]:
    """The newest rows of a table of alerts, with their user's e-mail. Errors: NotFound."""
    source = table.join(users, users.c.id == table.c.user_id)
    query = sa.select(users.c.email.label("user"), table).select_from(source)
    if user is not None:
        found = connection.execute(sa.select(users.c.id).where(users.c.email == user.lower())).scalar()
        if found is None:
            raise NotFound(f"No user {user}.")
        query = query.where(table.c.user_id == found)
    return query.order_by(table.c.id.desc()).limit(limit)


def _print_alerts(connection: Connection, user: str | None, state: str | None, limit: int) -> None:
    found = []
    query = _of(connection, alerts, user, limit)
    over = alerts.c.resolved_at
    if state is not None:
        query = query.where(over.is_not(None) if state == "resolved" else over.is_(None))
    if state in ("open", "acknowledged"):
        noted = alerts.c.acknowledged_at
        query = query.where(noted.is_(None) if state == "open" else noted.is_not(None))
    for row in connection.execute(query):
        alert = Alert(**{name: getattr(row, name) for name in Alert.__struct_fields__})
        found.append(
            (
                alert.id,
                row.user,
                alert.severity,
                alert.state,
                shown_time(alert.raised_at),
                alert.title,
                alert.body,
            )
        )
    print_table(("id", "user", "severity", "state", "time", "rule", "what"), found)


def _print_rules(connection: Connection, user: str | None, limit: int) -> None:
    rows = [
        (row.id, row.user, row.name, row.metric, row.symbol or row.account_id,
         f"{row.direction} {row.threshold}", row.rearm, row.cool_down_s, row.severity, _standing(row))
        for row in connection.execute(_of(connection, alert_rules, user, limit))
    ]  # fmt: skip
    print_table(
        ("id", "user", "name", "metric", "of", "raises", "re-arms", "cool-down", "severity", "now"), rows
    )


def _standing(row: sa.Row[tuple[object, ...]]) -> str:
    if not row.enabled:
        return "off"
    return row.trouble or ("raised" if row.open_alert else "armed")


def _print_deliveries(connection: Connection, user: str | None, limit: int) -> None:
    rows = []
    for row in connection.execute(_of(connection, alert_deliveries, user, limit)):
        one = Delivery(*(getattr(row, name) for name in Delivery._fields))
        done = shown_time(one.done_at)
        rows.append((one.id, row.user, one.channel, one.webhook_id, one.state, one.attempts, done, one.error))
    print_table(("id", "user", "channel", "webhook", "state", "attempts", "done", "error"), rows)


def _send_test(settings: Settings, to: str) -> None:
    """Errors: NotSent; InvalidValue."""
    from traderbot.alerts import mail  # with the protocol of mail, which no other command needs

    if not to.isascii() or not to.isprintable() or to.count("@") != 1 or " " in to:
        raise InvalidValue("--mail-to", "an e-mail address", to)
    now = WallClock().now()
    data = {
        "title": "A test", "body": "The mail server works.", "severity": "info", "time": rfc3339(now),
        "id": "none", "resolved_value": None,
    }  # fmt: skip
    payload = {"type": "alert.test", "data": data}
    mail.send(settings, mail.message_of(payload, str(new_id()), settings.smtp_from, to, now))


app.command("acknowledge")(acknowledge)
app.command("route")(route)
app.command("replay")(replay)
app.add_typer(rules_app, name="rule")
app.add_typer(webhooks_app, name="webhook")
