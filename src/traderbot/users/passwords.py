"""Passwords: argon2id, the same work for known and unknown people, and never more of it at once than the
machine bears.
"""

import threading
import unicodedata

from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from traderbot.model.errors import InvalidValue

LENGTH_MIN = 8
LENGTH_MAX = 128
AT_ONCE = 4


class Passwords:
    """Hashes and checks passwords. At most `at_once` run together: memory is bounded by at_once x memory_kib.

    The figures are OWASP's for argon2id (19 MiB, 2 passes, 1 lane). A call takes tens of milliseconds
    and releases the interpreter's lock: call it from a worker thread, never from the event loop.
    """

    def __init__(self, *, memory_kib: int = 19_456, passes: int = 2, at_once: int = AT_ONCE) -> None:
        self._hasher = Argon2Hasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._room = threading.BoundedSemaphore(at_once)
        self._nobodys_hash = self._hasher.hash("a password that nobody has")

    def hash(self, password: str) -> str:
        """The encoded argon2id hash. Errors: InvalidValue for a length outside 8 to 128 characters."""
        prepared = prepare(password)
        with self._room:
            return self._hasher.hash(prepared)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether the password made this hash; a password of impossible length is wrong after the same
        work.
        """
        try:
            prepared, possible = prepare(password), True
        except InvalidValue:
            prepared, possible = "an impossible password", False
        with self._room:
            try:
                return bool(self._hasher.verify(prepared, encoded)) and possible
            except UnknownHashError:
                return False

    def verify_nobody(self, password: str) -> None:
        """Spend what `verify` spends, for an e-mail address that nobody has registered."""
        self.verify(password, self._nobodys_hash)

    def outdated(self, encoded: str) -> bool:
        """Whether the hash was made with other figures than today's and should be made again at sign-in."""
        return bool(self._hasher.check_needs_rehash(encoded))


def prepare(password: str) -> str:
    """The password in NFC, as typed on any keyboard. Errors: InvalidValue, which never repeats the
    password.
    """
    expected = f"{LENGTH_MIN} to {LENGTH_MAX} characters"
    if len(password) > LENGTH_MAX * 4:
        raise InvalidValue("password", expected)
    normal = unicodedata.normalize("NFC", password)
    if not LENGTH_MIN <= len(normal) <= LENGTH_MAX or any(
        "\ud800" <= letter <= "\udfff" for letter in normal
    ):
        raise InvalidValue("password", expected)
    return normal
