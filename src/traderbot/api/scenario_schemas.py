"""Answers about factor exposure and about scenarios that are kept."""

from pydantic import Field

from traderbot.api.portfolio_schemas import CoefficientOut
from traderbot.api.risk_schemas import ReasonOut
from traderbot.api.schemas_common import Answer, TimeOut


class PositionFactorsOut(Answer):
    """A position's own coefficients; each times `weight`, they sum to the account's."""

    symbol: str
    weight: float = Field(description="Of equity.")
    market: float
    size: float
    value: float


class RiskFactorsOut(Answer):
    """How the holdings at their present weights went with the factors, by month."""

    as_of: TimeOut
    months: int
    first: str | None = Field(description="First month used, such as 2005-01.")
    last: str | None
    lags: int | None = Field(description="Months over which the errors may follow each other.")
    r_squared: float | None
    coefficients: list[CoefficientOut]
    positions: list[PositionFactorsOut]
    reasons: list[ReasonOut]


class SavedOut(Answer):
    """A scenario of one's own, as it was saved."""

    name: str
    market: float | None
    sectors: dict[str, float]
    symbols: dict[str, float]
    factors: dict[str, float]
    saved_at: TimeOut


class SavedScenariosOut(Answer):
    """The account's own scenarios, by name."""

    items: list[SavedOut]


class ForgottenOut(Answer):
    """What was deleted."""

    name: str
