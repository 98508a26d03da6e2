"""What goes wrong with sign-ins, in the words of this feature."""

from traderbot.model.errors import Forbidden, TraderbotError, Unauthorized


class TooManyAttempts(TraderbotError):  # noqa: N818 - the field's word
    """Too many failed sign-ins for this account or from this address; it passes by itself."""

    status = 429
    code = "too_many_attempts"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many failed sign-ins; try again in {retry_after_s} seconds")
        self.retry_after_s = retry_after_s


class InvalidCredentials(Unauthorized):
    """Wrong e-mail address or password: the two are not told apart."""

    code = "invalid_credentials"


class InvalidToken(Unauthorized):
    """A token or API key that is malformed, forged, expired, revoked or of the wrong kind: not told apart."""

    code = "invalid_token"


class RegistrationClosed(Forbidden):
    """The operator opens accounts; visitors cannot."""

    code = "registration_closed"
