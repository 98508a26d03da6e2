"""Schemas of people, preferences and API keys."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from traderbot.api.schemas_common import Answer, Body, IdIn, TimeOut
from traderbot.users.people import NAME_LENGTH_MAX, InvestmentGoal, RiskTolerance, Sector

_PREFERENCES: JsonDict = {
    "risk_tolerance": "moderate",
    "investment_goal": "growth",
    "sector_preferences": ["Information Technology"],
    "sector_exclusions": ["Energy"],
}
_KEY: JsonDict = {
    "id": "0198c7a2-5e1f-7d3a-9b1c-2f6f5f0e8a11",
    "name": "laptop",
    "prefix": "tb_k3Jx9",
    "created_at": "2026-01-05T09:30:00Z",
    "last_used_at": None,
    "account_id": None,
}


class UserOut(Answer):
    """A person."""

    id: UUID
    email: str = Field(examples=["ada@example.com"])
    display_name: str = Field(examples=["Ada"])
    role: Literal["admin", "trader"] = Field(examples=["trader"])
    created_at: TimeOut
    account_id: UUID | None = Field(description="The first account.")


class PreferencesIn(Body):
    """All preferences; what is left out of the lists is not preferred or excluded."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PREFERENCES]})

    risk_tolerance: Annotated[RiskTolerance, Field(strict=False)]
    investment_goal: Annotated[InvestmentGoal, Field(strict=False)]
    sector_preferences: list[Annotated[Sector, Field(strict=False)]] = Field(max_length=len(Sector))
    sector_exclusions: list[Annotated[Sector, Field(strict=False)]] = Field(max_length=len(Sector))


class PreferencesOut(Answer):
    """The preferences in force."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PREFERENCES]})

    risk_tolerance: RiskTolerance
    investment_goal: InvestmentGoal
    sector_preferences: list[Sector]
    sector_exclusions: list[Sector]


class ApiKeyIn(Body):
    """A key to make."""

    name: str = Field(
        min_length=1, max_length=NAME_LENGTH_MAX, description="To recognise it by.", examples=["laptop"]
    )
    account_id: IdIn | None = Field(
        default=None,
        description="The one account that it is good for; any of yours without it.",
        examples=[None],
    )


class ApiKeyOut(Answer):
    """A key as listed, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY]})

    id: UUID
    name: str
    prefix: str = Field(description="The first characters of the key.")
    created_at: TimeOut
    last_used_at: TimeOut | None = Field(description="To the hour; null if never.")
    account_id: UUID | None = Field(description="The one account that it is good for; null for any of yours.")


class NewApiKeyOut(ApiKeyOut):
    """A key just made; `key` is shown this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_KEY, "key": "tb_k3Jx9..."}]})

    key: str = Field(description="The key itself. It is not kept and cannot be shown again.")


class ApiKeysOut(Answer):
    """The user's keys, newest first."""

    items: list[ApiKeyOut]
