"""Log lines: secrets hidden, in addresses too; which process and which request a line is about."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from traderbot.infra.events.journal import Meta
from traderbot.infra.logs import caused_by, configure_logs
from traderbot.infra.redaction import without_passwords

pytestmark = pytest.mark.unit


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    before, handlers, level = structlog.get_config(), logging.getLogger().handlers, logging.getLogger().level
    yield io.StringIO()
    structlog.configure(**before)
    logging.getLogger().handlers = handlers
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize(
    "address",
    [
        "redis://:hunter2@valkey:6379/0",
        "nats://ada:hunter2@nats:4222",
        "nats://hunter2@nats:4222",
        "postgresql+psycopg://ada:hunter2@db/traderbot",
        "postgresql://ada:x@hunter2@db/traderbot",
        "postgresql://db/traderbot?user=ada&password=hunter2",
        "https://collector/v1/traces?api_key=hunter2&x=1",
        "http://ada:hunter2@collector/v1/traces",
    ],
)
def test_a_password_in_an_address_is_hidden_wherever_it_is_said(address: str, stream: io.StringIO) -> None:
    told = without_passwords(f"cannot reach {address}, will try again")
    assert "hunter2" not in told
    assert told.startswith("cannot reach ")
    assert told.endswith(", will try again") or "?" in address
    for style in ("json", "console"):
        configure_logs("info", style, stream)
        log = structlog.get_logger()
        try:
            raise ConnectionError(f"no route to {address}")
        except ConnectionError as error:
            log.exception("failed", error=repr(error), where=address, several=[address])
            logging.getLogger("redis").warning("lost %s", address)
    assert "hunter2" not in stream.getvalue()
    assert "no route to" in stream.getvalue()


def test_an_address_without_a_password_stays_as_it_is() -> None:
    plain = "redis://valkey:6379/0 and http://127.0.0.1:4318/v1/traces, mail ada@example.com"
    assert without_passwords(plain) == plain


def test_a_json_line_says_which_process_and_which_request(stream: io.StringIO) -> None:
    configure_logs("info", "json", stream, instance="replica-1")
    meta = Meta("user:1", "together-1", request="request-1")
    structlog.get_logger().info("order", **caused_by(meta))
    logging.getLogger("uvicorn.error").warning("from a library")
    own, library = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (own["instance"], own["request_id"], own["correlation_id"]) == (
        "replica-1", "request-1", "together-1",
    )  # fmt: skip
    assert "trace" not in own
    assert library["instance"] == "replica-1"
