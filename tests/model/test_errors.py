import pytest

from traderbot.model import errors

pytestmark = pytest.mark.unit

ALL = [
    cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.TraderbotError)
]


def test_codes_and_statuses_are_what_a_client_can_rely_on() -> None:
    assert len({cls.code for cls in ALL}) == len(ALL)
    assert all(400 <= cls.status < 600 for cls in ALL)


def test_an_invalid_value_names_its_field_what_was_expected_and_what_came() -> None:
    error = errors.InvalidValue("qty", "a positive decimal", "x" * 1000)
    assert error.detail == f"qty: expected a positive decimal, got {'x' * 60!r}"
    assert (error.field, error.expected, error.status) == ("qty", "a positive decimal", 422)
    assert errors.InvalidValue("qty", "a number").detail == "qty: expected a number"
    assert errors.InvalidValue("qty", "a number", "\ud800\x00\u202e").detail.isascii()
