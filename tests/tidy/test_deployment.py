"""The compose file says what `make cluster` starts: the same processes, by settings and commands that exist.

No test runs it, as there is no container engine here; what can be wrong in it without one is looked for.
"""

import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.stack import PARTS, settings_of
from tidy.tree import ROOT
from traderbot.cli.later import loaded
from traderbot.cli.main import Commands
from traderbot.infra.settings import PREFIX, SECRETS, Settings, load_settings

pytestmark = pytest.mark.unit
DEPLOY = ROOT / "deploy"
SERVERS = {"postgres", "valkey", "nats"}
EXAMPLES = {"POSTGRES_PASSWORD": "p" * 32, f"{PREFIX}SECRET_KEY": "s" * 32}
_VARIABLE = re.compile(r"\$\{(\w+):\?[^}]+\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
    return found


def _ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    return {name: service for name, service in compose["services"].items() if "build" in service}


def test_its_services_are_the_parts_of_the_cluster(compose: dict[str, Any]) -> None:
    assert set(_ours(compose)) == set(PARTS)
    assert set(compose["services"]) == set(PARTS) | SERVERS | {"proxy"}


def test_each_service_runs_the_command_of_its_part(compose: dict[str, Any]) -> None:
    for name, service in _ours(compose).items():
        command = [word for word in service["command"] if word not in ("--host", "0.0.0.0")]
        assert command == list(PARTS[name]), name


def test_its_commands_and_options_exist(compose: dict[str, Any]) -> None:
    for service in _ours(compose).values():
        name, *rest = service["command"]
        command = loaded(name, Commands.places[name])
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options


def test_its_settings_are_settings_with_values_that_hold(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for service in _ours(compose).values():
        given = {
            name: _VARIABLE.sub(lambda found: EXAMPLES[found[1]], value)
            for name, value in service["environment"].items()
        }
        with monkeypatch.context() as patched:
            for name, value in given.items():
                patched.setenv(name, value)
            settings = load_settings({"home": tmp_path})
        assert set(given) <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
        from_environment = {name for name, origin in settings.origins.items() if origin == "environment"}
        assert len(from_environment) == len(given)


def test_it_sets_what_the_cluster_sets_to_find_its_servers(compose: dict[str, Any]) -> None:
    """What a load test sets beside that, such as high rates, is none of a deployment's."""
    needed = {f"{PREFIX}{name.upper()}" for name in SECRETS | {"database_url", "log_format"}}
    assert needed <= {f"{PREFIX}{name.upper()}" for name in settings_of("", "", "")}
    for service in _ours(compose).values():
        assert needed <= set(service["environment"])


def test_addresses_name_services(compose: dict[str, Any]) -> None:
    for service in _ours(compose).values():
        for kind in SERVERS:
            names = {"postgres": "DATABASE_URL", "valkey": "VALKEY_URL", "nats": "NATS_URL"}
            url = service["environment"][f"{PREFIX}{names[kind]}"]
            assert re.search(rf"[/@]{kind}[:/]", url), url
        assert set(service["depends_on"]) == SERVERS


def test_each_process_has_a_name_of_its_own(compose: dict[str, Any]) -> None:
    """Containers have their own process ids, often the same; the name tells who holds a lease."""
    for name, service in _ours(compose).items():
        assert service["environment"][f"{PREFIX}INSTANCE"] == name


def test_whom_others_wait_for_says_when_it_is_ready(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        waits = service.get("depends_on", {})
        for other, how in waits.items() if isinstance(waits, dict) else ():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in compose["services"][other], (name, other)


def test_files_and_volumes_that_are_mounted_are_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith(".") else source in compose["volumes"]
    assert (DEPLOY / compose["x-traderbot"]["build"]["context"] / "deploy/Dockerfile").is_file()


def test_the_proxy_serves_the_replicas_by_their_port() -> None:
    text = (DEPLOY / "haproxy.cfg").read_text()
    port = Settings.model_fields["port"].default
    found = dict(re.findall(r"^ *server (\S+) (\S+)", text, re.MULTILINE))
    replicas = [name for name, words in PARTS.items() if words[0] == "serve"]
    assert found == {name: f"{name}:{port}" for name in replicas}
    assert f"bind :{port}" in text
    assert "GET /health/ready" in text


def test_the_proxy_says_who_asks_and_sends_nothing_twice() -> None:
    text = (DEPLOY / "haproxy.cfg").read_text()
    assert "http-request set-header X-Forwarded-For %[src]" in text
    assert "http-request disable-l7-retry if ! METH_GET" in text


def test_nats_takes_its_configuration() -> None:
    server = Path(sysconfig.get_path("scripts")) / "nats-server"
    done = subprocess.run([server, "-t", "-c", DEPLOY / "nats.conf"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_image_has_the_packages_of_its_settings_and_the_command() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = re.search(r"\[([a-z,]+)\]", text)
    assert asked is not None
    assert set(asked[1].split(",")) == {"postgres", "valkey", "nats", "traces"}
    assert set(asked[1].split(",")) <= set(extras)
    assert 'ENTRYPOINT ["traderbot"]' in text


def test_it_says_that_nobody_ran_it() -> None:
    for path in (DEPLOY / "docker-compose.yml", ROOT / "docs/running-several.md"):
        assert "has not been run" in " ".join(path.read_text().replace("#", " ").split()), path.name
