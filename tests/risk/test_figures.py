import pytest

from traderbot.model.errors import InvalidValue
from traderbot.risk.figures import Wanted

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "guess"), ("level", 0.0), ("level", 1.0), ("level", float("nan")), ("level", 0.3),
        ("horizon", 0), ("horizon", 61), ("days", 59), ("days", 2501), ("volume_share", 0.0),
        ("volume_share", float("nan")),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_names_the_field(field: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=field) as found:
        Wanted(**{field: value})  # type: ignore[arg-type]
    assert found.value.field == field
