"""The signature of a webhook is the one that Standard Webhooks prescribes."""

import pytest

from traderbot.alerts.hooks import key_of, shown, signed_headers
from traderbot.infra.ids import new_id

pytestmark = pytest.mark.unit


def test_the_worked_example_of_the_specification() -> None:
    """Message, secret and signature of the reference libraries' own test: github.com/standard-webhooks."""
    import base64

    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_each_webhook_and_each_generation_has_a_key_of_its_own() -> None:
    secret, one, other = b"s" * 32, new_id(), new_id()
    keys = {
        key_of(secret, one, 1),
        key_of(secret, one, 2),
        key_of(secret, other, 1),
        key_of(b"t" * 32, one, 1),
    }
    assert len(keys) == 4
    assert shown(key_of(secret, one, 1)).startswith("whsec_")
