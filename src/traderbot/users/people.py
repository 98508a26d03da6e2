"""The words of this feature: User, Principal, Preferences, tokens handed out; and the spelling of their
parts.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID

from traderbot.model.amounts import Money
from traderbot.model.errors import Forbidden, InvalidValue
from traderbot.model.grants import Grant
from traderbot.model.symbols import Symbol
from traderbot.users.roles import SCOPES, SCOPES_OF, Role, Scope

EMAIL_LENGTH_MAX = 254
NAME_LENGTH_MAX = 80
SYMBOLS_MAX = 100
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*",
    re.ASCII,
)


class RiskTolerance(StrEnum):
    CONSERVATIVE = "conservative"
    MODERATE = "moderate"
    AGGRESSIVE = "aggressive"


class InvestmentGoal(StrEnum):
    GROWTH = "growth"
    INCOME = "income"
    PRESERVATION = "preservation"
    SPECULATION = "speculation"


class Sector(StrEnum):
    """The eleven sectors of the Global Industry Classification Standard (GICS, 2023)."""

    COMMUNICATION_SERVICES = "Communication Services"
    CONSUMER_DISCRETIONARY = "Consumer Discretionary"
    CONSUMER_STAPLES = "Consumer Staples"
    ENERGY = "Energy"
    FINANCIALS = "Financials"
    HEALTH_CARE = "Health Care"
    INDUSTRIALS = "Industrials"
    INFORMATION_TECHNOLOGY = "Information Technology"
    MATERIALS = "Materials"
    REAL_ESTATE = "Real Estate"
    UTILITIES = "Utilities"


@dataclass(frozen=True, slots=True)
class User:
    """A person. created_at: microseconds since the epoch. account_id: the paper account, opened with the
    user.
    """

    id: UUID
    email: str
    display_name: str
    role: Role
    active: bool
    created_at: int
    account_id: UUID | None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, as their credential says.

    via: "token" or "api_key". expires_at: when the access token ends, microseconds; None for an API key.
    key_id: the API key used, if one was; bound: it is good for `account_id` alone; granted: the scopes it
    was given; grant: what bounds its orders. issued_at: of an access token.
    """

    user_id: UUID
    account_id: UUID | None
    role: Role
    via: Literal["token", "api_key"]
    expires_at: int | None = None
    key_id: UUID | None = None
    bound: bool = False
    granted: frozenset[Scope] | None = None
    grant: Grant | None = None
    issued_at: int = 0

    def may(self, scope: Scope) -> bool:
        """Whether both the role and the credential have the scope."""
        return scope in SCOPES_OF[self.role] and (self.granted is None or scope in self.granted)

    def require(self, scope: Scope) -> None:
        """Errors: Forbidden."""
        if not self.may(scope):
            raise Forbidden(f"this needs the scope {scope}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in hands out. expires_in: seconds of life of the access token."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Preferences:
    """What somebody wants of their money; a sector is not both preferred and excluded."""

    risk_tolerance: RiskTolerance = RiskTolerance.MODERATE
    investment_goal: InvestmentGoal = InvestmentGoal.GROWTH
    sector_preferences: tuple[Sector, ...] = ()
    sector_exclusions: tuple[Sector, ...] = ()


@dataclass(frozen=True, slots=True)
class Grants:
    """What a key may do. symbols: None for all; daily_notional: USD a day, UTC; expires_at: microseconds."""

    scopes: tuple[Scope, ...] = ("read", "trade")
    symbols: tuple[Symbol, ...] | None = None
    daily_notional: Money | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as listed: recognisable by its prefix, unusable without the rest. account_id: the one
    account it is bound to, None for any of its user's.
    """

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    created_at: int
    last_used_at: int | None
    revoked_at: int | None
    account_id: UUID | None = None
    grants: Grants = Grants()

    @property
    def grant(self) -> Grant | None:
        """What bounds its orders, None where nothing does."""
        if self.grants.symbols is None and self.grants.daily_notional is None:
            return None
        symbols = None if self.grants.symbols is None else frozenset(self.grants.symbols)
        return Grant(self.id, symbols, self.grants.daily_notional)


def normal_email(text: str) -> str:
    """The address in lower case. Plain ASCII only, so that two that look alike are alike. Errors:
    InvalidValue.
    """
    plain = (
        len(text) <= EMAIL_LENGTH_MAX and text.isascii()
    )  # asked first: lower() makes a k of the Kelvin sign
    email = text.strip(" ").lower() if plain else ""
    if len(email.partition("@")[0]) > 64 or _EMAIL.fullmatch(email) is None:
        raise InvalidValue("email", "an e-mail address such as ada@example.com, at most 254 ASCII characters")
    return email


def clean_name(text: str, field: str = "display_name") -> str:
    """A name in NFC without control or direction characters, 1 to 80 characters. Errors: InvalidValue."""
    expected = f"1 to {NAME_LENGTH_MAX} printable characters"
    if len(text) > NAME_LENGTH_MAX * 4:
        raise InvalidValue(field, expected)
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= NAME_LENGTH_MAX or any(
        unicodedata.category(letter)[0] == "C" for letter in name
    ):
        raise InvalidValue(field, expected)
    return name


def check_preferences(wanted: Preferences) -> Preferences:
    """Each sector once, and none both preferred and excluded. Errors: InvalidValue."""
    for field in ("sector_preferences", "sector_exclusions"):
        names = getattr(wanted, field)
        if len(set(names)) != len(names):
            raise InvalidValue(field, "each sector once")
    both = set(wanted.sector_preferences) & set(wanted.sector_exclusions)
    if both:
        raise InvalidValue("sector_exclusions", "no sector that is also preferred", ", ".join(sorted(both)))
    return wanted


def check_grants(wanted: Grants, role: Role, now: int, *, bound: bool) -> Grants:
    """The grants in order, if their maker may give them. Errors: InvalidValue, Forbidden."""
    scopes = tuple(scope for scope in SCOPES if scope in wanted.scopes)
    if not scopes or len(scopes) != len(wanted.scopes):
        raise InvalidValue("scopes", "one or more of read, trade and manage, each once")
    beyond = [scope for scope in scopes if scope not in SCOPES_OF[role]]
    if beyond:
        raise Forbidden(f"a key can do no more than its maker, who has no scope {beyond[0]}")
    if bound and "manage" in scopes:
        raise InvalidValue("scopes", "no manage for a key of one account")
    if wanted.symbols is not None and not 1 <= len(set(wanted.symbols)) == len(wanted.symbols) <= SYMBOLS_MAX:
        raise InvalidValue("symbols", f"1 to {SYMBOLS_MAX} symbols, each once")
    if wanted.daily_notional is not None and wanted.daily_notional <= 0:
        raise InvalidValue("daily_notional", "USD above 0")
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise InvalidValue("expires_at", "a time to come")
    return Grants(scopes, wanted.symbols, wanted.daily_notional, wanted.expires_at)
