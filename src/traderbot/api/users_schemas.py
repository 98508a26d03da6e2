"""Schemas of people, preferences and API keys."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from traderbot.api.schemas_common import Answer, Body, CashIn, DecimalOut, IdIn, SymbolIn, TimeIn, TimeOut
from traderbot.users.people import (
    NAME_LENGTH_MAX,
    SYMBOLS_MAX,
    ApiKey,
    Grants,
    InvestmentGoal,
    RiskTolerance,
    Sector,
)
from traderbot.users.roles import SCOPES, Scope

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
    "scopes": ["read", "trade"],
    "symbols": ["AAPL", "MSFT"],
    "daily_notional": "10000",
    "expires_at": "2026-07-01T00:00:00Z",
}


class UserOut(Answer):
    """A person."""

    id: UUID
    email: str = Field(examples=["ada@example.com"])
    display_name: str = Field(examples=["Ada"])
    role: Literal["owner", "admin", "trader", "viewer"] = Field(examples=["trader"])
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
    scopes: list[Scope] | None = Field(
        default=None,
        min_length=1,
        max_length=len(SCOPES),
        description="read, trade, manage; read and trade without it, as far as your role has them.",
        examples=[["read", "trade"]],
    )
    symbols: list[SymbolIn] | None = Field(
        default=None,
        min_length=1,
        max_length=SYMBOLS_MAX,
        description="The symbols its orders may be in; all without it.",
        examples=[["AAPL", "MSFT"]],
    )
    daily_notional: CashIn | None = Field(
        default=None,
        description="USD that its orders may be worth in a day, UTC; no bound without it.",
        examples=["10000"],
    )
    expires_at: TimeIn | None = Field(
        default=None, description="When it ends; never without it.", examples=["2026-07-01T00:00:00Z"]
    )

    def grants(self) -> Grants | None:
        """What the key is to be given; None where nothing is said."""
        said = (self.scopes, self.symbols, self.daily_notional, self.expires_at)
        if all(value is None for value in said):
            return None
        return Grants(
            Grants().scopes if self.scopes is None else tuple(self.scopes),
            None if self.symbols is None else tuple(self.symbols),
            self.daily_notional,
            self.expires_at,
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
    scopes: list[Scope]
    symbols: list[str] | None = Field(description="The symbols its orders may be in; null for all.")
    daily_notional: DecimalOut | None = Field(description="USD a day, UTC; null for no bound.")
    expires_at: TimeOut | None = Field(description="When it ends; null for never.")


class NewApiKeyOut(ApiKeyOut):
    """A key just made; `key` is shown this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_KEY, "key": "tb_k3Jx9..."}]})

    key: str = Field(description="The key itself. It is not kept and cannot be shown again.")


def api_key_content(key: ApiKey) -> dict[str, Any]:
    """The fields of a key as listed."""
    grants = key.grants
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "account_id": key.account_id,
        "scopes": list(grants.scopes),
        "symbols": None if grants.symbols is None else list(grants.symbols),
        "daily_notional": grants.daily_notional,
        "expires_at": grants.expires_at,
    }


class ApiKeysOut(Answer):
    """The user's keys, newest first."""

    items: list[ApiKeyOut]
