"""Every error traderbot raises on purpose: one base class, a stable code, and the HTTP status it deserves."""


class TraderbotError(Exception):
    """Base of all deliberate errors; `detail` is safe to show to the person who caused it."""

    status = 500
    code = "internal_error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidValue(TraderbotError):  # noqa: N818 - the field's word, as in HTTP's "invalid value"
    """A value that cannot be taken as given: names the field and what was expected."""

    status = 422
    code = "invalid_value"

    def __init__(self, field: str, expected: str, got: object = None) -> None:
        shown = "" if got is None else f", got {str(got)[:60]!r}"
        super().__init__(f"{field}: expected {expected}{shown}")
        self.field = field
        self.expected = expected


class NotFound(TraderbotError):  # noqa: N818
    """The thing does not exist, or belongs to somebody else: the two are not told apart."""

    status = 404
    code = "not_found"


class Conflict(TraderbotError):  # noqa: N818
    """The request clashes with the present state, such as an e-mail address already registered."""

    status = 409
    code = "conflict"


class Unauthorized(TraderbotError):  # noqa: N818
    """Missing, malformed, expired or revoked credentials."""

    status = 401
    code = "unauthorized"


class Forbidden(TraderbotError):  # noqa: N818
    """Known caller, insufficient role."""

    status = 403
    code = "forbidden"


class Unavailable(TraderbotError):  # noqa: N818
    """The platform is starting, stopping or cannot reach what it needs."""

    status = 503
    code = "unavailable"


class ConfigurationError(TraderbotError):
    """A setting or the machine itself is not fit to run with."""

    code = "configuration"


class InvariantBroken(TraderbotError):  # noqa: N818
    """Money or history no longer adds up; the work stops before anything is committed."""

    code = "invariant_broken"


class IllegalTransition(InvariantBroken):
    """An event asks an order for a change of status that the transition table does not list."""

    code = "illegal_transition"
