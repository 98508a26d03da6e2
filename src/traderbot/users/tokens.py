"""Tokens: signed access tokens that expire soon, and random refresh tokens and API keys of which only hashes
are kept.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from traderbot.infra.clock import Clock
from traderbot.infra.ids import new_id
from traderbot.users.errors import InvalidToken
from traderbot.users.people import Principal, User
from traderbot.users.roles import ROLES, role_named

ISSUER = "traderbot"
AUDIENCE = "traderbot-api"
ALGORITHM = "HS256"
API_KEY_START = "tb_"
REFRESH_START = "tbr_"
_LENGTH_MAX = 2_048
_CACHED_MAX = 4_096
_SECOND = 1_000_000


def derive_key(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose, so that what signs tokens signs nothing else. Source: RFC 5869, expand step, one
    block.
    """
    return hmac.new(secret, purpose.encode() + b"\x01", hashlib.sha256).digest()


def sha256(text: str) -> str:
    """SHA-256 in hex; enough for random secrets of 256 bits, which nobody can guess from their hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def new_refresh_token() -> str:
    return REFRESH_START + secrets.token_urlsafe(32)


def new_api_key() -> str:
    return API_KEY_START + secrets.token_urlsafe(32)


class AccessTokens:
    """Issues and checks access tokens: JWT, HS256 only, with issuer, audience, kind and expiry all required.

    A checked token is remembered by its hash until it expires (at most 4,096 of them), since a check costs
    more than all else that authentication does. Whether its user may still use it is asked elsewhere
    (`Credentials`).
    """

    def __init__(self, secret: bytes, clock: Clock, life_s: int) -> None:
        self.life_s = life_s
        self._key = OctKey.import_key(derive_key(secret, "access tokens"))
        self._clock = clock
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: self._clock.now() // _SECOND,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            typ={"essential": True, "value": "access"},
            sub={"essential": True},
            jti={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
            role={"essential": True, "values": [str(role) for role in ROLES]},
        )
        self._checked: OrderedDict[bytes, Principal] = OrderedDict()
        self._lock = threading.Lock()

    def issue(self, user: User) -> str:
        """A token for the user that expires after `life_s` seconds."""
        now = self._clock.now() // _SECOND
        claims: dict[str, str | int | None] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "typ": "access",
            "sub": str(user.id),
            "account": str(user.account_id) if user.account_id else None,
            "role": user.role,
            "jti": str(new_id()),
            "iat": now,
            "exp": now + self.life_s,
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])

    def check(self, token: str) -> Principal:
        """Who holds the token. Errors: InvalidToken, which does not say what was wrong with it."""
        if not token.isascii() or len(token) > _LENGTH_MAX:
            raise InvalidToken("the access token is not valid")
        digest = hashlib.sha256(token.encode()).digest()
        with self._lock:
            known = self._checked.get(digest)
            if known is not None:
                self._checked.move_to_end(digest)
        principal = known or self._verified(token)
        if principal.expires_at is None or principal.expires_at <= self._clock.now():
            with self._lock:
                self._checked.pop(digest, None)
            raise InvalidToken("the access token is not valid")
        if known is None:
            with self._lock:
                self._checked[digest] = principal
                while len(self._checked) > _CACHED_MAX:
                    self._checked.popitem(last=False)
        return principal

    def _verified(self, token: str) -> Principal:
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            self._claims.validate(claims)
            account = claims.get("account")
            return Principal(
                user_id=UUID(claims["sub"]),
                account_id=UUID(account) if account else None,
                role=role_named(claims["role"]),
                via="token",
                expires_at=int(claims["exp"]) * _SECOND,
                issued_at=int(claims["iat"]) * _SECOND,
            )
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
            raise InvalidToken("the access token is not valid") from None
