"""The errors; each says what happens next (and so who has to act)."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self


class Concern(StrEnum):
    """What an error is about. Only an error of the account holds up other threads."""

    MESSAGE = "message"  # this request alone
    TICKET = "ticket"  # whatever else is to go into this ticket, and so its thread
    HOST = "host"  # the host of this attachment, and so this attachment alone
    ACCOUNT = "account"  # everything that goes to this connection


class DeskwireError(Exception):
    """The root of every error this library raises on purpose."""


class SignatureError(DeskwireError):
    """The request is not genuine: answered 401, nothing of it is kept."""


class UnopenedError(SignatureError):
    """Sealed, sent to an address that only the platform was told, and our key opens nothing: a person is called.

    Answered 503, so that the platform sends it again: the key may be an old one.
    """


class PayloadError(DeskwireError):
    """Genuine, but not understood: the delivery (or the one event) is parked for a person to look at."""


class UnknownAccount(PayloadError):  # noqa: N818 - what it is about
    """A page names an account (a form, a chat) that its endpoint has no connection for."""


class TemporaryError(DeskwireError):
    """The other side cannot do it now: tried again later.

    `after` is the least number of seconds to wait, where the other side named one. `ambiguous` says that the
    request may have had its effect: the connector is asked (`find`) before it is repeated. `concerns` says what has
    to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        after: float | None = None,
        ambiguous: bool = False,
        concerns: Concern = Concern.ACCOUNT,
    ) -> None:
        super().__init__(message)
        self.after = after
        self.ambiguous = ambiguous
        self.concerns = concerns

    def retold(self, *, ambiguous: bool | None = None, concerns: Concern | None = None) -> TemporaryError:
        """Return the same error, with another view of its doubt or of what it concerns."""
        return TemporaryError(
            str(self),
            after=self.after,
            ambiguous=self.ambiguous if ambiguous is None else ambiguous,
            concerns=concerns or self.concerns,
        )


class PermanentError(DeskwireError):
    """The other side will never do it: noted on the ticket and counted, not repeated."""

    concerns: ClassVar[Concern] = Concern.MESSAGE

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ConfigurationError(DeskwireError):
    """Only a person can mend it (a secret, a right, a setting): counted under an alarm, and tried again later.

    `ambiguous` says that a part of the request had its effect before: the first piece of a split text was sent, the
    words are in the ticket that was not opened again.
    """

    concerns: ClassVar[Concern] = Concern.ACCOUNT

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.ambiguous = ambiguous

    def retold(self, *, ambiguous: bool) -> Self:
        """Return the same error, with another view of its doubt."""
        return type(self)(str(self), ambiguous=ambiguous)


def where(error: Exception) -> str:
    """Return an error's kind and place in the code; its words may be a customer's."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_filename.rpartition('/')[2]}:{frame.tb_lineno}" if frame else ""
    return f"{type(error).__name__}{place}"
