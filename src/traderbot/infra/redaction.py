"""What is secret in an address, hidden before anybody reads it."""

import re

_PASSWORD = re.compile(r"(//[^\s/:@]*):(?!\*{3}@)[^\s/]*@")  # SQLAlchemy has made *** of its own already
_TOKEN_OF_NATS = re.compile(r"\b(nats|tls|wss?)://[^\s/:@]+@")
_PARAMETER = re.compile(r"([?&](?:password|token|secret|api[_-]?key)=)[^&\s'\"]+", re.IGNORECASE)
HIDDEN = "[hidden]"


def without_passwords(text: str) -> str:
    """The text with what is secret in addresses hidden: //user:PASSWORD@host, and ?password=PASSWORD."""
    if "//" not in text:
        return text
    text = _PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    text = _TOKEN_OF_NATS.sub(rf"\1://{HIDDEN}@", text)
    return _PARAMETER.sub(rf"\1{HIDDEN}", text)
