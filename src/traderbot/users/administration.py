"""Administration of people: roles, activation, sign-ins, keys, erasure; each act an event with its actor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from sqlalchemy.engine import Connection

from traderbot.infra.clock import Clock
from traderbot.infra.storage.database import Database
from traderbot.model.errors import Conflict, Forbidden, NotFound
from traderbot.model.events import Event
from traderbot.model.platform_events import (
    AdministrationDone,
    ApiKeyRevoked,
    RoleChanged,
    UserActivated,
    UserDeactivated,
)
from traderbot.users import people_rows, repository
from traderbot.users.credentials import Credentials, Fact, Record
from traderbot.users.people import ApiKey, User
from traderbot.users.people_rows import PeopleFilter
from traderbot.users.roles import Role, may_manage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who administers. user_id: None for the operator at the machine. by_key: with an API key, which is good
    for what an admin may do, whoever made it.
    """

    user_id: UUID | None = None
    by_key: bool = False

    @property
    def name(self) -> str:
        return "operator" if self.user_id is None else f"user:{self.user_id}"


OPERATOR = Actor()


class Administration:
    """Every change is decided on rows locked in its own transaction, so that two at once cannot leave the
    deployment without an owner.
    """

    def __init__(self, *, database: Database, clock: Clock, record: Record, credentials: Credentials) -> None:
        self._database = database
        self._clock = clock
        self._record = record
        self._credentials = credentials

    def people(self, wanted: PeopleFilter, *, before: UUID | None, limit: int) -> list[User]:
        """Newest first, from below an id."""
        with self._database.read() as connection:
            return people_rows.list_people(connection, wanted, before=before, limit=limit)

    def person(self, user_id: UUID) -> User:
        """Errors: NotFound."""
        with self._database.read() as connection:
            user = repository.user_by_id(connection, user_id)
        if user is None:
            raise _nobody()
        return user

    def by_email(self, email: str) -> User:
        """Errors: NotFound."""
        with self._database.read() as connection:
            found = repository.user_and_hash(connection, email)
        if found is None:
            raise _nobody()
        return found[0]

    def has_owner(self) -> bool:
        with self._database.read() as connection:
            wanted = PeopleFilter(role="owner", active=True)
            return bool(people_rows.list_people(connection, wanted, before=None, limit=1))

    def keys(self, user_id: UUID) -> list[ApiKey]:
        """The live keys of a person. Errors: NotFound."""
        self.person(user_id)
        return self._credentials.api_keys(user_id)

    def change(
        self, actor: Actor, user_id: UUID, *, role: Role | None = None, active: bool | None = None
    ) -> User:
        """Give a person another role, deactivate or activate them. To be deactivated ends every token and key
        of theirs; open orders and positions stay. Errors: NotFound, Forbidden, Conflict for the last owner.
        """
        now, before = self._clock.now(), self.person(user_id)
        facts: list[Event] = []
        if role is not None and role != before.role:
            facts.append(RoleChanged(user_id, role))
        if active is not None and active != before.active:
            facts.append(UserActivated(user_id) if active else UserDeactivated(user_id))

        def job(connection: Connection, user: User) -> User:
            if (user.role, user.active) != (before.role, before.active):
                raise Conflict("this person was changed meanwhile; look again")
            if active and user.email.endswith("@erased.invalid"):
                raise Conflict("this person was erased")
            changed = replace(user, role=role or user.role, active=user.active if active is None else active)
            people_rows.set_standing(connection, user_id, changed.role, active=changed.active)
            if user.active and not changed.active:
                people_rows.end_sign_ins(connection, user_id, now)
            return changed

        stays_owner = (role or before.role) == "owner" and active is not False
        return self._act(actor, user_id, facts, job, role, stays_owner=stays_owner)

    def sign_out(self, actor: Actor, user_id: UUID) -> None:
        """End every sign-in of a person; keys stay. Errors: NotFound, Forbidden."""
        now = self._clock.now()
        facts = [AdministrationDone("signed_out", {"user_id": str(user_id)})]

        def job(connection: Connection, user: User) -> User:
            people_rows.end_sign_ins(connection, user_id, now)
            return user

        self._act(actor, user_id, facts, job)

    def revoke_key(self, actor: Actor, user_id: UUID, key_id: UUID) -> None:
        """End a key of a person. Errors: NotFound, Forbidden."""
        now = self._clock.now()

        def job(connection: Connection, user: User) -> User:
            if not repository.revoke_api_key(connection, user_id, key_id, now):
                raise NotFound("no such API key")
            return user

        self._act(actor, user_id, [ApiKeyRevoked(user_id, key_id)], job)

    def erase(self, actor: Actor, user_id: UUID) -> None:
        """Forget who a person is: address, name, password, keys and preferences go; the accounts stay, under
        an id that leads to nobody. Errors: NotFound, Forbidden, Conflict for the last owner.
        """
        now = self._clock.now()
        keys = [ApiKeyRevoked(user_id, key.id) for key in self.keys(user_id)]
        erased = AdministrationDone("user_erased", {"user_id": str(user_id)})

        def job(connection: Connection, user: User) -> User:
            people_rows.end_sign_ins(connection, user_id, now)
            people_rows.erase(connection, user_id)
            return user

        self._act(actor, user_id, [UserDeactivated(user_id), *keys, erased], job, stays_owner=False)

    def _act(
        self,
        actor: Actor,
        user_id: UUID,
        events: Sequence[Event],
        job: Callable[[Connection, User], User],
        becoming: Role | None = None,
        *,
        stays_owner: bool = True,
    ) -> User:
        """Run the job on the person, if the actor may and an owner is left, together with its events."""

        def checked(connection: Connection) -> User:
            ids = [user_id] if actor.user_id is None else [user_id, actor.user_id]
            people, owners = people_rows.hold(connection, *ids)
            user = people.get(user_id)
            if user is None:
                raise _nobody()
            _require(actor, people, user, becoming)
            if not stays_owner and owners == {user_id}:
                raise Conflict("this is the last owner; make another one first")
            return job(connection, user)

        facts: list[Fact] = [
            (None if isinstance(event, AdministrationDone) else user_id, event) for event in events
        ]
        changed = self._record(facts, checked, actor.name)
        self._credentials.forget(user_id)
        log.info("administration", actor=actor.name, acts=[type(event).__name__ for event in events])
        return changed


def _require(actor: Actor, people: dict[UUID, User], whom: User, becoming: Role | None) -> None:
    """Errors: Forbidden unless the actor, as on record now, manages this person."""
    if actor.user_id is None:
        return
    who = people.get(actor.user_id)
    if who is None or not who.active or who.role not in ("owner", "admin"):
        raise Forbidden("this needs the scope manage")
    role: Role = "admin" if actor.by_key else who.role
    if not may_manage(role, whom.role, becoming):
        raise Forbidden("only an owner who is signed in manages owners and admins")


def _nobody() -> NotFound:
    return NotFound("No such user.")
