"""The home's own key for signing what leaves it: Ed25519, made at first use, readable by its owner only."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from traderbot.model.errors import ConfigurationError, InvalidValue

FILE = "journal.key"
_BYTES = 32


class Seal:
    """Signs with the key of a home. public_key: in hex, to be kept elsewhere too."""

    def __init__(self, home: Path) -> None:
        path = home / FILE
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "wb") as file:
                file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex().encode())
        try:
            self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text("ascii")))
        except ValueError:
            raise ConfigurationError(f"home: {path} is not a key; restore it from a backup") from None
        self.public_key = self._key.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(content)


def is_signed(content: bytes, signature: bytes, public_key: str) -> bool:
    """Whether the key's owner signed just this. Errors: InvalidValue for what is no public key."""
    try:
        raw = bytes.fromhex(public_key)
        key = Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        raise InvalidValue("public-key", f"{_BYTES} bytes in hex") from None
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
