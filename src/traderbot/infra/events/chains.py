"""Check the chains of a journal's events one after another, wherever their rows come from."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import msgspec

from traderbot.infra.events.texts import chain_hash

FIRST_HASH = bytes(32)


class Link(NamedTuple):
    """The last event of a stream: its number there, its hash and when it was recorded."""

    version: int
    hash: bytes
    recorded_at: int = 0


@lru_cache(maxsize=10_000)
def correlation_of(metadata: str) -> str | None:
    """What the column beside the metadata must say."""
    try:
        found = msgspec.json.decode(metadata)
        return found.get("correlation") or None if isinstance(found, dict) else None
    except msgspec.MsgspecError:
        return None


class Witness(Protocol):
    """What somebody outside the journal knows of it."""

    def look(self, chains: "Chains", row: Any) -> str | None:
        """What is wrong with an event that its chain holds; None where nothing is."""
        ...

    def end(self, chains: "Chains", fault: str | None) -> str | None:
        """What is wrong with the whole. fault: what was found so far."""
        ...


class Chains:
    """Follows every stream from its first event. links: the last event of each so far; position: of the last
    event; rolling: SHA-256 over the hashes of all events in order of position, each 32 bytes.
    """

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.position = 0
        self.recorded_at = 0
        self._rolling = sha256()

    @property
    def rolling(self) -> bytes:
        return self._rolling.copy().digest()

    def take(self, row: Any) -> str | None:
        """Follow the chains by one event. Returns: what is wrong with it, in words; None where it holds."""
        (
            position, stream, version, kind, schema, data, metadata, effective_at, recorded_at,
            prev_hash, stored, correlation,
        ) = row  # fmt: skip
        before = self.links.get(stream, _NONE)
        wrong = None
        try:
            digest = chain_hash(
                stream, version, kind, schema, data, metadata, effective_at, recorded_at, prev_hash
            )
        except (AttributeError, TypeError, ValueError, msgspec.MsgspecError):
            digest = b""  # a value of another type than was ever stored
        if position != self.position + 1:
            wrong = f"expected position {self.position + 1}; an event is missing"
        elif version != before.version + 1:
            wrong = f"expected version {before.version + 1}"
        elif prev_hash != before.hash:
            wrong = "does not follow the event before it"
        elif stored != digest:
            wrong = "content does not match its hash"
        elif correlation != correlation_of(metadata):
            wrong = "its correlation is not that of its metadata"
        if wrong is not None:
            return f"position {position} ({stream} version {version}, {kind}): {wrong}"
        self.position = position
        self.recorded_at = max(self.recorded_at, recorded_at)
        self.links[stream] = Link(version, digest, recorded_at)
        self._rolling.update(digest)
        return None

    def against(self, heads: Iterable[tuple[str, Link]]) -> str | None:
        """Compare with the stored heads. Returns: the first stream that differs, in words."""
        stored = dict(heads)
        for stream in sorted(stored.keys() | self.links.keys()):
            if stored.get(stream) != self.links.get(stream):
                return f"stream {stream}: its head does not match its last event"
        return None


_NONE = Link(0, FIRST_HASH)
