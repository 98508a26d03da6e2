"""What a person changes about alerts: rules, routes and webhooks, through the server that runs.

The server has the rules of what may be; a command only reads, changes and sends the whole back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

import typer

from traderbot.cli.asking import OwnKeyOption, Server, UrlOption, server_of
from traderbot.cli.config import FileOption, HomeOption, settings_or_exit
from traderbot.cli.looking import print_facts, print_table
from traderbot.cli.told import told
from traderbot.model.errors import InvalidValue, NotFound

rules_app = typer.Typer(
    help="Your rules: make, change, switch off and on, delete. Listed by `traderbot alerts --rules`.",
    no_args_is_help=True,
)
webhooks_app = typer.Typer(help="Your webhooks: list, make, test, renew, delete.", no_args_is_help=True)

_RULES = "/alerts/rules"
_HOOKS = "/alerts/webhooks"
_KEPT = (
    "name", "metric", "direction", "threshold", "rearm", "symbol", "account_id", "bars", "level", "part",
    "cool_down_s", "severity", "enabled",
)  # fmt: skip
RuleId = Annotated[UUID, typer.Argument(help="Id of the rule, see `traderbot alerts --rules`.")]
HookId = Annotated[UUID, typer.Argument(help="Id of the webhook, see `traderbot alerts webhook list`.")]
Above = Annotated[str | None, typer.Option("--above", help="Raise at or above this value.")]
Below = Annotated[str | None, typer.Option("--below", help="Raise at or below this value.")]
Rearm = Annotated[str | None, typer.Option("--rearm", help="It is over beyond this value.")]
CoolDown = Annotated[int | None, typer.Option("--cool-down", help="Seconds to the next alert at least.")]
Severity = Annotated[str | None, typer.Option("--severity", help="info, warning or critical.")]
Metric = Annotated[str, typer.Option("--metric", help="What is measured, such as price or drawdown.")]
Of = Annotated[str | None, typer.Option("--symbol", help="Of this symbol.")]
Account = Annotated[str | None, typer.Option("--account", help="Of this account; your first without it.")]
Bars = Annotated[int | None, typer.Option("--bars", help="Over how many bars, of change and volume.")]
Level = Annotated[str | None, typer.Option("--level", help="Confidence of var.")]
Part = Annotated[str | None, typer.Option("--part", help="Of limit and system: which one.")]


@contextmanager
def _server(home: HomeOption, config: FileOption, url: str | None, api_key: str | None) -> Iterator[Server]:
    """What is refused is told on one line."""
    settings = settings_or_exit({"home": home}, config)
    with told():
        yield server_of(settings, url, api_key)


def acknowledge(
    alert: Annotated[UUID, typer.Argument(help="Id of the alert, see `traderbot alerts`.")],
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Say that you have seen an alert."""
    with _server(home, config, url, api_key) as server:
        found = server.post(f"/alerts/{alert}/acknowledge")
    typer.echo(f"{found['title']}: {found['state']}, seen {found['acknowledged_at']}")


@rules_app.command("add")
def add_rule(
    name: Annotated[str, typer.Argument(help="What the rule is called.")],
    metric: Metric,
    above: Above = None,
    below: Below = None,
    rearm: Rearm = None,
    symbol: Of = None,
    account: Account = None,
    bars: Bars = None,
    level: Level = None,
    part: Part = None,
    cool_down: CoolDown = None,
    severity: Severity = None,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Make a rule: NAME --metric price --symbol MSFT --above 27."""
    with _server(home, config, url, api_key) as server:
        given = {"name": name, "metric": metric, "symbol": symbol, "account_id": account, "bars": bars,
                 "level": level, "part": part}  # fmt: skip
        given |= _when(above, below, rearm, cool_down, severity)
        if "threshold" not in given:
            raise InvalidValue("--above", "a value here, or one for --below")
        _print_rule(server.post(_RULES, {name: value for name, value in given.items() if value is not None}))


@rules_app.command("change")
def change_rule(
    rule: RuleId,
    name: Annotated[str | None, typer.Option("--name", help="What it is called from now on.")] = None,
    above: Above = None,
    below: Below = None,
    rearm: Rearm = None,
    cool_down: CoolDown = None,
    severity: Severity = None,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Change a rule; what is not named stays. It begins anew: its open alert is resolved."""
    with _server(home, config, url, api_key) as server:
        changes = _when(above, below, rearm, cool_down, severity) | ({"name": name} if name else {})
        if not changes:
            raise InvalidValue("RULE", "at least one option that changes it")
        _replace(server, rule, changes)


@rules_app.command("on")
def switch_on(
    rule: RuleId,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Measure a rule again."""
    with _server(home, config, url, api_key) as server:
        _replace(server, rule, {"enabled": True})


@rules_app.command("off")
def switch_off(
    rule: RuleId,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Measure a rule no longer, and keep it."""
    with _server(home, config, url, api_key) as server:
        _replace(server, rule, {"enabled": False})


@rules_app.command("delete")
def delete_rule(
    rule: RuleId,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Delete a rule. Its alerts stay; one that is open is resolved."""
    with _server(home, config, url, api_key) as server:
        server.ask("DELETE", f"{_RULES}/{rule}")
    typer.echo(f"deleted: {rule}")


@webhooks_app.command("list")
def list_webhooks(
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """List your webhooks."""
    with _server(home, config, url, api_key) as server:
        rows = [
            (one["id"], one["name"], one["url"], "on" if one["enabled"] else "off", one["failures"],
             one["last_error"])
            for one in server.get(_HOOKS)["items"]
        ]  # fmt: skip
    print_table(("id", "name", "url", "", "failures", "last error"), rows)


@webhooks_app.command("add")
def add_webhook(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    to: Annotated[str, typer.Argument(metavar="URL", help="Where alerts are sent; https.")],
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Make a webhook and show its secret, this once."""
    with _server(home, config, url, api_key) as server:
        _print_secret(server.post(_HOOKS, {"name": name, "url": to}))


@webhooks_app.command("secret")
def renew_secret(
    webhook: HookId,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Sign with another secret from now on, shown this once."""
    with _server(home, config, url, api_key) as server:
        _print_secret(server.post(f"{_HOOKS}/{webhook}/secret"))


@webhooks_app.command("test")
def try_webhook(
    webhook: HookId,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Send a test; what came of it is in `traderbot alerts --deliveries`."""
    with _server(home, config, url, api_key) as server:
        _print_delivery(server.post(f"{_HOOKS}/{webhook}/test"))


@webhooks_app.command("enable")
def enable_webhook(
    webhook: HookId,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Let a webhook go on that failed too often."""
    with _server(home, config, url, api_key) as server:
        server.post(f"{_HOOKS}/{webhook}/enable")
    typer.echo(f"on: {webhook}")


@webhooks_app.command("delete")
def delete_webhook(
    webhook: HookId,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Delete a webhook, with what is under way to it."""
    with _server(home, config, url, api_key) as server:
        server.ask("DELETE", f"{_HOOKS}/{webhook}")
    typer.echo(f"deleted: {webhook}")


def route(
    severity: Annotated[str, typer.Argument(help="info, warning or critical.")],
    inbox: Annotated[bool | None, typer.Option("--inbox/--no-inbox", help="To the inbox.")] = None,
    email: Annotated[bool | None, typer.Option("--email/--no-email", help="By e-mail.")] = None,
    webhooks: Annotated[
        list[str] | None, typer.Option("--webhook", help="To these webhooks; none: --webhook none.")
    ] = None,
    resolved: Annotated[
        bool | None, typer.Option("--resolved/--no-resolved", help="Also when the condition is over.")
    ] = None,
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Choose how you are told of alerts of one severity; without options, show it."""
    with _server(home, config, url, api_key) as server:
        found = server.get("/alerts/routing")
        routing = {name: value for name, value in found.items() if name != "email_set_up"}
        if severity not in routing:
            raise InvalidValue("SEVERITY", f"one of {', '.join(routing)}", severity)
        named = None if webhooks is None else [one for one in webhooks if one != "none"]
        given = {"inbox": inbox, "email": email, "webhooks": named, "resolved": resolved}
        changes = {name: value for name, value in given.items() if value is not None}
        if changes:
            routing[severity] |= changes
            found = server.ask("PUT", "/alerts/routing", routing)
    print_facts({name: _word(value) for name, value in found[severity].items()})
    if found[severity]["email"] and not found["email_set_up"]:
        typer.echo("no SMTP server is set up, so no e-mail is sent", err=True)


def replay(
    delivery: Annotated[UUID, typer.Argument(help="Id of what was given up, see `--deliveries`.")],
    url: UrlOption = None,
    api_key: OwnKeyOption = None,
    home: HomeOption = None,
    config: FileOption = None,
) -> None:
    """Send again what was given up."""
    with _server(home, config, url, api_key) as server:
        _print_delivery(server.post(f"/alerts/deliveries/{delivery}/replay"))


def _when(
    above: str | None, below: str | None, rearm: str | None, cool_down: int | None, severity: str | None
) -> dict[str, Any]:
    """When a rule raises an alert, as far as options say so. Errors: InvalidValue for both directions."""
    if above is not None and below is not None:
        raise InvalidValue("--below", "either --above or --below")
    given: dict[str, Any] = {"rearm": rearm, "cool_down_s": cool_down, "severity": severity}
    if above is not None or below is not None:
        given |= {"threshold": below if above is None else above, "direction": "below" if below else "above"}
    return {name: value for name, value in given.items() if value is not None}


def _replace(server: Server, rule: UUID, changes: dict[str, Any]) -> None:
    """A threshold that moves takes a re-arm level with it that was no other."""
    found = next((one for one in server.get(_RULES)["items"] if one["id"] == str(rule)), None)
    if found is None:
        raise NotFound("No such rule.")
    body = {name: found[name] for name in _KEPT if found[name] is not None}
    if "threshold" in changes and found["rearm"] == found["threshold"]:
        del body["rearm"]
    _print_rule(server.ask("PUT", f"{_RULES}/{rule}", body | changes))


def _print_rule(rule: dict[str, Any]) -> None:
    print_facts({name: _word(rule[name]) for name in ("id", *_KEPT)})


def _print_secret(made: dict[str, Any]) -> None:
    print_facts({name: made[name] for name in ("id", "name", "url", "secret")})
    typer.echo("the secret is shown this once", err=True)


def _print_delivery(delivery: dict[str, Any]) -> None:
    print_facts({name: delivery[name] for name in ("id", "channel", "webhook_id", "state", "attempts")})


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else value
