"""What somebody probably meant who misspelt a name."""

from collections.abc import Iterable
from difflib import get_close_matches

_SHORT = 0.5  # how alike two names have to be: of a ticker of two letters one is enough


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a message, `; did you mean WORD`; empty where nothing known is like it."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), names, 1, _SHORT if len(word) < 5 else 0.6)
    return f"; did you mean {names[near[0]]}" if near else ""
