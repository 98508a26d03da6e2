"""Signed checkpoints: what the journal was up to a position, kept outside so that whoever rewrites it later,
every hash and head with it, is found out.

A checkpoint holds SHA-256 over the hashes of all events up to its position, the head of every stream, and the
first bytes of each event's hash: the former prove, the latter name the first event that differs. It is JSON;
the signature is over the bytes of its `content`.
"""

import base64
from collections.abc import Collection
from typing import Any

import msgspec

from traderbot.infra.events.chains import Chains
from traderbot.infra.events.seals import Seal, is_signed
from traderbot.model.errors import InvalidValue

_OWN = ("account:", "user:", "session:")
MARK = 4
"""Bytes of each event's hash that a checkpoint keeps to name the event by."""


class Content(msgspec.Struct, frozen=True):
    """What is signed. digest: over all hashes, hex; heads: version and hash of each stream's last event;
    marks: the first bytes of each hash, base64.
    """

    position: int
    recorded_at: int
    digest: str
    heads: dict[str, tuple[int, str]]
    marks: str


class Signed(msgspec.Struct, frozen=True):
    """A checkpoint's file."""

    content: str
    signature: str
    public_key: str


class Marks:
    """A witness that collects what a checkpoint is made of, while a journal is verified."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._marks = bytearray()
        self.file = b""

    def look(self, chains: Chains, row: Any) -> str | None:
        self._marks += row.hash[:MARK]
        return None

    def end(self, chains: Chains, fault: str | None) -> str | None:
        """Signs what holds, and nothing else."""
        if fault is None:
            content = msgspec.json.encode(
                Content(
                    position=chains.position,
                    recorded_at=chains.recorded_at,
                    digest=chains.rolling.hex(),
                    heads={name: (link.version, link.hash.hex()) for name, link in chains.links.items()},
                    marks=base64.b64encode(self._marks).decode(),
                )
            )
            signature = self._seal.sign(content).hex()
            self.file = msgspec.json.encode(Signed(content.decode(), signature, self._seal.public_key))
        return fault


class Checkpoint:
    """A checkpoint whose signature holds, beside a journal that is being verified."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self._marks = base64.b64decode(content.marks)

    @classmethod
    def opened(cls, file: bytes, public_key: str) -> "Checkpoint":
        """Of a file's bytes, signed by the key. Errors: InvalidValue for what is no checkpoint, or not
        signed so.
        """
        try:
            signed = msgspec.json.decode(file, type=Signed)
            content = msgspec.json.decode(signed.content, type=Content)
            signature = bytes.fromhex(signed.signature)
            whole = len(base64.b64decode(content.marks, validate=True)) == MARK * content.position
        except (msgspec.MsgspecError, ValueError):
            raise InvalidValue("checkpoint", "a file made by `traderbot audit checkpoint`") from None
        if not whole or not is_signed(signed.content.encode(), signature, public_key):
            raise InvalidValue("checkpoint", f"a file signed by the key {public_key}")
        return cls(content)

    def is_of_another(self, streams: Collection[str]) -> bool:
        """Whether none of its streams with an id of their own is among those of a journal."""
        own = {name for name in self.content.heads if name.startswith(_OWN)}
        return bool(own) and own.isdisjoint(streams)

    def look(self, chains: Chains, row: Any) -> str | None:
        """An event that its chain holds, but that is not the one that was there."""
        position = row.position
        if position > self.content.position:
            return None
        if row.hash[:MARK] != self._marks[MARK * (position - 1) : MARK * position]:
            return f"{_place(row)}: not the event that was there when the checkpoint was made"
        if position == self.content.position and chains.rolling.hex() != self.content.digest:
            return f"{_place(row)}: the events up to it are not those of the checkpoint"
        return None

    def end(self, chains: Chains, fault: str | None) -> str | None:
        """Also a journal that ends before the checkpoint, whatever its heads say, and one that has nothing
        to do with it.
        """
        if chains.position >= self.content.position or (fault is not None and fault.startswith("position")):
            return fault
        first, last = chains.position + 1, self.content.position
        return f"position {first}: the events up to {last}, which the checkpoint knows, are missing"


def _place(row: Any) -> str:
    return f"position {row.position} ({row.stream} version {row.version}, {row.type})"
