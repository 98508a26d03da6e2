"""Who holds an access token or an API key: looked up, remembered for seconds, forgotten when it changes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy.engine import Connection

from traderbot.infra.clock import Clock
from traderbot.infra.events.journal import Recorded
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database, Writer
from traderbot.model.errors import Conflict, Forbidden, NotFound
from traderbot.model.events import Event
from traderbot.model.platform_events import (
    ApiKeyCreated,
    ApiKeyRevoked,
    RoleChanged,
    UserActivated,
    UserDeactivated,
)
from traderbot.users import repository
from traderbot.users.errors import InvalidToken
from traderbot.users.people import ApiKey, Grants, Principal, User, check_grants, clean_name
from traderbot.users.roles import SCOPES, SCOPES_OF, Role
from traderbot.users.tokens import API_KEY_START, AccessTokens, new_api_key, sha256

T = TypeVar("T")
_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_TRUSTED_FOR = 10 * _SECOND
_KEPT_MAX = 4_096
_PEOPLE_MAX = 20_000
_KEYS_EACH_MAX = 50
_LENGTH_MAX = 128  # of a refresh token or API key as sent
_OF_STANDING = (RoleChanged, UserDeactivated, UserActivated)

Fact = tuple[UUID | None, Event]
"""An event of a user's stream, or of the platform's where no user is named."""


class Record(Protocol):
    """Appends the facts and runs the job in one transaction of the writer; gives back the job's result."""

    def __call__(self, facts: Iterable[Fact], job: Callable[[Connection], T], actor: str) -> T: ...


@dataclass(frozen=True, slots=True)
class _Standing:
    """A user as last read. role: None for one who is gone or deactivated."""

    role: Role | None
    signed_out_at: int
    good_until: int


class Credentials:
    """Access tokens and API keys with their holders' standing.

    A change heard of counts from the next request on; one that is not heard of, within ten seconds.
    """

    def __init__(
        self, *, database: Database, writer: Writer, clock: Clock, tokens: AccessTokens, record: Record
    ) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock
        self._tokens = tokens
        self._record = record
        self._keys: OrderedDict[str, tuple[Principal, int]] = OrderedDict()
        self._people: dict[UUID, _Standing] = {}
        self._changes = 0  # heard of; what was read before the last one is not kept
        self._lock = threading.Lock()

    def hear(self, recorded: Iterable[Recorded]) -> None:
        """Forget what these events have changed. Quick, and safe from any thread."""
        for entry in recorded:
            event = entry.event
            if isinstance(event, _OF_STANDING):
                self.forget(event.user_id)
            elif isinstance(event, ApiKeyRevoked):
                self._forget_key(event.key_id)

    def forget(self, user_id: UUID) -> None:
        """Read the user's standing anew at the next request."""
        with self._lock:
            self._changes += 1
            self._people.pop(user_id, None)

    def _forget_key(self, key_id: UUID) -> None:
        with self._lock:
            self._changes += 1
            for digest in [digest for digest, (holder, _) in self._keys.items() if holder.key_id == key_id]:
                del self._keys[digest]

    def authenticate(self, credential: str) -> Principal:
        """Who holds this access token or API key. May read, and once an hour write. Errors: InvalidToken."""
        principal = self.authenticate_in_memory(credential)
        if principal is not None:
            return principal
        if credential.startswith(API_KEY_START):
            return self._look_up_key(credential)
        token = self._tokens.check(credential)
        return self._as_it_stands(token, self._look_up(token.user_id))

    def authenticate_in_memory(self, credential: str) -> Principal | None:
        """As `authenticate` but without the database, so that an event loop may call it; None: ask
        `authenticate`.

        Errors: InvalidToken.
        """
        if credential.startswith(API_KEY_START):
            digest = digest_of(credential, API_KEY_START)
            with self._lock:
                principal, good_until = self._keys.get(digest, (None, 0))
            if principal is None or good_until <= self._clock.now():
                return None
        else:
            principal = self._tokens.check(credential)
        standing = self._people.get(principal.user_id)
        if standing is None or standing.good_until <= self._clock.now():
            return None
        return self._as_it_stands(principal, standing)

    def _as_it_stands(self, principal: Principal, standing: _Standing) -> Principal:
        """The holder with the role they have now. Errors: InvalidToken for who has none any more."""
        role = standing.role
        if role is None:
            raise InvalidToken("the access token is not valid")
        if principal.key_id is None:
            if principal.issued_at < standing.signed_out_at:
                raise InvalidToken("the access token is not valid")
        elif principal.expires_at is not None and principal.expires_at <= self._clock.now():
            raise InvalidToken("the API key is not valid")
        return principal if principal.role == role else replace(principal, role=role)

    def _look_up(self, user_id: UUID) -> _Standing:
        changes = self._changes
        with self._database.read() as connection:
            user, signed_out_at = repository.standing_of(connection, user_id)
        return self._remember(user_id, user, signed_out_at, changes)

    def _remember(self, user_id: UUID, user: User | None, signed_out_at: int, changes: int) -> _Standing:
        role = user.role if user is not None and user.active else None
        standing = _Standing(role, signed_out_at, self._clock.now() + _TRUSTED_FOR)
        with self._lock:
            if changes == self._changes:
                if len(self._people) >= _PEOPLE_MAX:
                    self._people.clear()
                self._people[user_id] = standing
        return standing

    def _look_up_key(self, credential: str) -> Principal:
        digest = digest_of(credential, API_KEY_START)
        now, changes = self._clock.now(), self._changes
        with self._database.read() as connection:
            found = repository.api_key_and_user(connection, digest)
        if found is None or (found[0].grants.expires_at or now + 1) <= now:
            raise InvalidToken("the API key is not valid")
        key, user = found
        if key.last_used_at is None or now - key.last_used_at >= _HOUR:
            self._writer.write(lambda connection: repository.touch_api_key(connection, key.id, now))
        principal = _holder(key, user)
        with self._lock:
            if changes == self._changes:
                self._keys[digest] = (principal, now + _TRUSTED_FOR)
                self._keys.move_to_end(digest)
                while len(self._keys) > _KEPT_MAX:
                    self._keys.popitem(last=False)
        self._look_up(user.id)
        return principal

    def create_api_key(
        self, principal: Principal, name: str, account_id: UUID | None = None, grants: Grants | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its secret text, which is not kept and cannot be shown again.

        account_id: the one account that it is good for, which the caller has seen to be the user's. grants:
        reading and trading without bounds where not given, as far as the maker may.

        Errors: Forbidden for a caller who is themselves an API key, since a leaked one could make itself
        heirs, and for grants beyond the maker's; InvalidValue; Conflict at 50 live keys.
        """
        if principal.via != "token":
            raise Forbidden("an API key cannot make API keys; sign in with a password")
        user_id, now, secret = principal.user_id, self._clock.now(), new_api_key()
        role = principal.role
        if grants is None:
            grants = Grants(tuple(scope for scope in SCOPES[:2] if scope in SCOPES_OF[role]))
        given = check_grants(grants, role, now, bound=account_id is not None)
        key = ApiKey(
            new_id(), user_id, clean_name(name, "name"), secret[:8], now, None, None, account_id, given
        )

        def job(connection: Connection) -> None:
            user = repository.user_by_id(connection, user_id)
            if user is None or not user.active:
                raise InvalidToken("the access token is not valid")
            check_grants(given, user.role, now, bound=account_id is not None)
            if len(repository.live_api_keys(connection, user_id)) >= _KEYS_EACH_MAX:
                raise Conflict(f"there are {_KEYS_EACH_MAX} API keys already; revoke one first")
            repository.insert_api_key(connection, key, sha256(secret))

        event = ApiKeyCreated(user_id, key.id, grants_on_record(key))
        self._record([(user_id, event)], job, f"user:{user_id}")
        return key, secret

    def api_keys(self, user_id: UUID) -> list[ApiKey]:
        """The user's keys that are not revoked, newest first."""
        with self._database.read() as connection:
            return repository.live_api_keys(connection, user_id)

    def revoke_api_key(self, user_id: UUID, key_id: UUID, actor: str | None = None) -> None:
        """End a key. actor: who does it, if not the user. Errors: NotFound, also for a key of somebody
        else.
        """
        now = self._clock.now()

        def job(connection: Connection) -> None:
            if not repository.revoke_api_key(connection, user_id, key_id, now):
                raise NotFound("no such API key")

        self._record([(user_id, ApiKeyRevoked(user_id, key_id))], job, actor or f"user:{user_id}")
        self._forget_key(key_id)


def _holder(key: ApiKey, user: User) -> Principal:
    bound = key.account_id is not None
    return Principal(
        user.id,
        key.account_id if bound else user.account_id,
        user.role,
        "api_key",
        expires_at=key.grants.expires_at,
        key_id=key.id,
        bound=bound,
        granted=frozenset(key.grants.scopes),
        grant=key.grant,
    )


def grants_on_record(key: ApiKey) -> dict[str, object]:
    """What a key may do, as the journal keeps it."""
    grants = key.grants
    return {
        "scopes": list(grants.scopes),
        "account_id": None if key.account_id is None else str(key.account_id),
        "symbols": None if grants.symbols is None else [str(name) for name in grants.symbols],
        "daily_notional": None if grants.daily_notional is None else str(grants.daily_notional),
        "expires_at": grants.expires_at,
    }


def digest_of(credential: str, start: str) -> str:
    """The hash that a random token is kept by. Errors: InvalidToken for what cannot be one."""
    if len(credential) > _LENGTH_MAX or not credential.startswith(start):
        raise InvalidToken("the token is not valid")
    return sha256(credential)
