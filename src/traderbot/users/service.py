"""UsersService: registers people, signs them in and out, and tells who is calling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from traderbot.infra.clock import Clock
from traderbot.infra.events.journal import Recorded
from traderbot.infra.ids import new_id
from traderbot.infra.storage.database import Database, Writer
from traderbot.model.errors import Conflict, Forbidden, InvalidValue
from traderbot.model.platform_events import PreferencesChanged
from traderbot.users import repository
from traderbot.users.administration import Administration
from traderbot.users.attempts import SignInAttempts
from traderbot.users.credentials import Credentials, Record, digest_of
from traderbot.users.errors import InvalidCredentials, InvalidToken, RegistrationClosed
from traderbot.users.passwords import Passwords
from traderbot.users.people import (
    ApiKey,
    Grants,
    Preferences,
    Principal,
    Tokens,
    User,
    check_preferences,
    clean_name,
    normal_email,
)
from traderbot.users.roles import Role
from traderbot.users.tokens import REFRESH_START, AccessTokens, new_refresh_token, sha256

log = structlog.get_logger(__name__)

_SECOND = 1_000_000
_DAY = 24 * 3600 * _SECOND

InsertUser = Callable[[Connection, UUID], None]
"""Inserts the user's row with this account id; run it inside the transaction that opens the account."""


class OpenAccount(Protocol):
    """Opens a paper account for a new user: in ONE transaction calls `insert_user(connection, account_id)`
    and appends the events. Gives back the account's id after the commit. Whatever `insert_user` raises
    (Conflict for a taken address) rolls all of it back and comes out of this call.
    """

    def __call__(self, user_id: UUID, insert_user: InsertUser, role: Role) -> UUID: ...


@dataclass(frozen=True, slots=True)
class TokenLives:
    """How long tokens live."""

    access_minutes: int = 15
    refresh_days: int = 30


class UsersService:
    """The one door to people and credentials. Methods block (database, argon2): call them from worker
    threads.

    After a sign-out an access token already out stays good until it expires, at most `access_minutes`. What
    an administrator ends, and a revoked API key, ends at once where `hear` is told of it, within 10 seconds
    where not.
    """

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        clock: Clock,
        secret: bytes,
        open_account: OpenAccount,
        record: Record,
        lives: TokenLives | None = None,
        open_registration: bool = True,
        passwords: Passwords | None = None,
    ) -> None:
        lives = lives or TokenLives()
        self._database = database
        self._writer = writer
        self._clock = clock
        self._open_account = open_account
        self._record = record
        self._open_registration = open_registration
        self._refresh_life = lives.refresh_days * _DAY
        self.passwords = passwords or Passwords()
        self.access_tokens = AccessTokens(secret, clock, lives.access_minutes * 60)
        self.attempts = SignInAttempts(clock)
        self.credentials = Credentials(
            database=database, writer=writer, clock=clock, tokens=self.access_tokens, record=record
        )
        self.administration = Administration(
            database=database, clock=clock, record=record, credentials=self.credentials
        )

    # People

    def register(self, email: str, password: str, display_name: str | None = None) -> tuple[User, Tokens]:
        """A new trader with a paper account, signed in.

        A taken address is answered by a conflict, unlike at sign-in: without an e-mail to confirm by there is
        no other way to tell an honest visitor why no account was made. The text is general, the password is
        hashed first in both cases, so the answer costs the same, and who minds closes registration
        (open_registration).
        Errors: InvalidValue, Conflict, RegistrationClosed.
        """
        if not self._open_registration:
            raise RegistrationClosed("registration is closed; ask the operator for an account")
        user = self.create_user(email, password, display_name=display_name)
        return user, self._new_session(user)

    def create_user(
        self, email: str, password: str, *, role: Role = "trader", display_name: str | None = None
    ) -> User:
        """A new user with a paper account, whoever may register. Errors: InvalidValue, Conflict."""
        address = normal_email(email)
        name = clean_name(display_name if display_name is not None else address.partition("@")[0])
        password_hash = self.passwords.hash(password)
        created_at = self._clock.now()
        user_id = new_id()

        def user_with(account_id: UUID) -> User:
            return User(
                user_id, address, name, role, active=True, created_at=created_at, account_id=account_id
            )

        def insert_user(connection: Connection, account_id: UUID) -> None:
            if repository.email_taken(connection, address):
                raise _taken()
            try:
                repository.insert_user(connection, user_with(account_id), password_hash)
            except IntegrityError:
                raise _taken() from None

        with self._database.read() as connection:
            if repository.email_taken(connection, address):
                raise _taken()
        account_id = self._open_account(user_id, insert_user, role)
        log.info("user registered", user_id=str(user_id), role=role)
        return user_with(account_id)

    def user(self, user_id: UUID) -> User:
        """An active user. Errors: InvalidToken if they are gone or deactivated, since only a token can name
        them.
        """
        with self._database.read() as connection:
            user = repository.user_by_id(connection, user_id)
        if user is None or not user.active:
            raise InvalidToken("the access token is not valid")
        return user

    def require_admin(self, principal: Principal) -> None:
        """Errors: Forbidden unless the user is an owner or admin now, whatever was true a moment ago, and
        their credential manages.
        """
        principal.require("manage")
        if self.user(principal.user_id).role not in ("owner", "admin"):
            raise Forbidden("this needs the scope manage")

    # Signing in and out

    def login(self, email: str, password: str, address: str | None = None) -> Tokens:
        """Tokens of a new sign-in. Unknown, deactivated and mistaken people get one answer, after the same
        work.

        address: the caller's network address, to slow down guessing from one place.
        Errors: InvalidCredentials, TooManyAttempts.
        """
        try:
            normal = normal_email(email)
        except InvalidValue:
            normal = ""
        self.attempts.begin(normal, address)
        with self._database.read() as connection:
            found = repository.user_and_hash(connection, normal)
        if found is None:
            self.passwords.verify_nobody(password)
            raise _wrong_credentials()
        user, password_hash = found
        if not self.passwords.verify(password, password_hash) or not user.active:
            raise _wrong_credentials()
        self.attempts.succeeded(normal, address)
        fresh_hash = self.passwords.hash(password) if self.passwords.outdated(password_hash) else None
        return self._new_session(user, fresh_hash)

    def refresh(self, token: str) -> Tokens:
        """A new pair for a refresh token, which is thereby used up.

        A token used before was copied, by the holder or from them: its whole family of tokens ends, and both
        sign in again. Two refreshes at once with one token count as that. Errors: InvalidToken.
        """
        digest = digest_of(token, REFRESH_START)
        now = self._clock.now()
        successor = new_refresh_token()
        with self._database.read() as connection:  # keeps invented tokens away from the writer
            if repository.refresh_token(connection, digest) is None:
                raise _invalid_refresh()

        def rotate(connection: Connection) -> User | None:
            row = repository.refresh_token(connection, digest)
            if row is None or row.revoked_at is not None:
                return None
            if row.used_at is None and row.expires_at <= now:
                return None
            if not repository.use_refresh_token(connection, row.id, now):
                repository.revoke_family(connection, row.family, now)
                log.warning("refresh token used again, its family is revoked", user_id=str(row.user_id))
                return None
            user = repository.user_by_id(connection, row.user_id)
            if user is None or not user.active:
                return None
            self._insert_refresh(connection, user.id, row.family, successor, now)
            return user

        user = self._writer.write(rotate)
        if user is None:
            raise _invalid_refresh()
        return Tokens(self.access_tokens.issue(user), successor, self.access_tokens.life_s)

    def logout(self, token: str) -> None:
        """End the sign-in that this refresh token belongs to. A token that nobody has is no error: nothing to
        end.
        """
        try:
            digest = digest_of(token, REFRESH_START)
        except InvalidToken:
            return
        now = self._clock.now()
        with self._database.read() as connection:
            row = repository.refresh_token(connection, digest)
        if row is not None and row.revoked_at is None:
            self._writer.write(lambda connection: repository.revoke_family(connection, row.family, now))

    def _new_session(self, user: User, fresh_hash: str | None = None) -> Tokens:
        token, now = new_refresh_token(), self._clock.now()

        def job(connection: Connection) -> None:
            if fresh_hash is not None:
                repository.set_password_hash(connection, user.id, fresh_hash)
            repository.forget_expired_tokens(connection, user.id, now)
            self._insert_refresh(connection, user.id, new_id(), token, now)

        self._writer.write(job)
        return Tokens(self.access_tokens.issue(user), token, self.access_tokens.life_s)

    def _insert_refresh(
        self, connection: Connection, user_id: UUID, family: UUID, token: str, now: int
    ) -> None:
        repository.insert_refresh_token(
            connection,
            token_id=new_id(),
            user_id=user_id,
            family=family,
            token_hash=sha256(token),
            issued_at=now,
            expires_at=now + self._refresh_life,
        )

    # Who is calling

    def authenticate(self, credential: str) -> Principal:
        """Who holds this access token or API key. May read, and once an hour write. Errors: InvalidToken."""
        return self.credentials.authenticate(credential)

    def authenticate_in_memory(self, credential: str) -> Principal | None:
        """As `authenticate` but without the database, so that an event loop may call it; None: ask
        `authenticate`.

        Errors: InvalidToken.
        """
        return self.credentials.authenticate_in_memory(credential)

    def hear(self, recorded: list[Recorded]) -> None:
        """Take note of committed events, of this process or another, that change what a credential is good
        for.
        """
        self.credentials.hear(recorded)

    # API keys

    def create_api_key(
        self, principal: Principal, name: str, account_id: UUID | None = None, grants: Grants | None = None
    ) -> tuple[ApiKey, str]:
        """As `Credentials.create_api_key`."""
        return self.credentials.create_api_key(principal, name, account_id, grants)

    def api_keys(self, user_id: UUID) -> list[ApiKey]:
        """The user's keys that are not revoked, newest first."""
        return self.credentials.api_keys(user_id)

    def revoke_api_key(self, user_id: UUID, key_id: UUID) -> None:
        """End a key. Errors: NotFound, also for a key of somebody else."""
        self.credentials.revoke_api_key(user_id, key_id)

    # Preferences

    def preferences(self, user_id: UUID) -> Preferences:
        """What the user set, or what holds for everybody who has not."""
        with self._database.read() as connection:
            return repository.preferences_of(connection, user_id)

    def put_preferences(self, user_id: UUID, wanted: Preferences) -> Preferences:
        """Replace the preferences as a whole, together with their journal event. Errors: InvalidValue."""
        checked = check_preferences(wanted)
        now = self._clock.now()
        self._record(
            [(user_id, PreferencesChanged(user_id))],
            lambda connection: repository.put_preferences(connection, user_id, checked, now),
            f"user:{user_id}",
        )
        return checked


def _taken() -> Conflict:
    return Conflict("an account cannot be opened with this e-mail address")


def _wrong_credentials() -> InvalidCredentials:
    return InvalidCredentials("the e-mail address or the password is wrong")


def _invalid_refresh() -> InvalidToken:
    return InvalidToken("the refresh token is not valid; sign in again")
