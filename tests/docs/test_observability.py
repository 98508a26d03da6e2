"""The dashboard, the alerts and the scrape example name what a running platform shows."""

import json
import re
from pathlib import Path

import pytest
import yaml

from docs.tables import metric_families

pytestmark = pytest.mark.domain
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def shown() -> dict[str, tuple[str, ...]]:
    """Names as queries spell them, with their labels."""
    names = {}
    for name, kind, labels, _ in metric_families():
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names.update({name + end: labels for end in ends})
    return names


def expressions() -> list[str]:
    board = json.loads((DEPLOY / "grafana" / "traderbot.json").read_text(encoding="utf-8"))
    alerts = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    found += [variable["query"]["query"] for variable in board["templating"]["list"][1:]]
    return found + [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]


def test_every_metric_that_is_asked_for_is_shown() -> None:
    names = {name for text in expressions() for name in re.findall(r"\btraderbot_\w+", text)}
    assert names
    assert names - shown().keys() == set()


def test_every_label_that_is_asked_for_is_there() -> None:
    """Prometheus itself adds instance and job."""
    known = shown()
    for text in expressions():
        labels = {"instance", "job", "le"}.union(*(known.get(name, ()) for name in re.findall(r"\w+", text)))
        for group in re.findall(r"by \(([^)]*)\)", text):
            assert {one.strip() for one in group.split(",")} <= labels, text
        for group in re.findall(r"\{([^}]*)\}", text):
            assert set(re.findall(r"(\w+)=", group)) <= labels, text


def test_panels_have_places_and_queries_of_their_own() -> None:
    board = json.loads((DEPLOY / "grafana" / "traderbot.json").read_text(encoding="utf-8"))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["title"] for panel in board["panels"]}) == len(places)
    assert all(panel["targets"] for panel in board["panels"])


def test_the_scrape_example_reaches_the_processes_of_the_compose_file() -> None:
    scrape = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text(encoding="utf-8"))
    for config in scrape["scrape_configs"]:
        assert config["job_name"].startswith("traderbot-")
        for static in config["static_configs"]:
            for host, port in (target.split(":") for target in static["targets"]):
                service = compose["services"][host]
                metrics_port = service["environment"]["TRADERBOT_METRICS_PORT"]
                assert port == ("8321" if service["command"][0] == "serve" else metrics_port)
    assert [DEPLOY / name for name in scrape["rule_files"]] == [DEPLOY / "alerts.yml"]


def test_the_two_documents_on_alerts_agree() -> None:
    alerts = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
    page = (DEPLOY.parent / "docs" / "observability.md").read_text(encoding="utf-8")
    for rule in (rule for group in alerts["groups"] for rule in group["rules"]):
        assert f"`{rule['alert']}`" in page
