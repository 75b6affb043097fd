"""The errors; each class states what happens next, and so who has to act."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self


class Concern(StrEnum):
    """What an error concerns. Only an error of the account delays other threads."""

    MESSAGE = "message"  # this request alone
    TICKET = "ticket"  # everything for this ticket, and so its thread
    HOST = "host"  # the host of this attachment, and so this attachment alone
    ACCOUNT = "account"  # everything for this connection


class DeskwireError(Exception):
    """The base of every error that this library raises on purpose."""


class SignatureError(DeskwireError):
    """The request is not genuine: answered 401, nothing of it is stored."""


class UnopenedError(SignatureError):
    """An encrypted request at the right secret address that our key does not decrypt: raises an alarm.

    Answered 503, so that the platform sends it again: our key may be outdated.
    """


class PayloadError(DeskwireError):
    """Genuine, but not understood: the delivery (or the one event) is parked for a person."""


class UnknownAccount(PayloadError):  # noqa: N818 - what it is about
    """A page names an account (a form, a chat) that its endpoint has no connection for."""


class TemporaryError(DeskwireError):
    """The other side cannot do it now: retried later.

    `after`: the least number of seconds to wait, if the other side named one. `ambiguous`: the request may have had its
    effect, so the connector is asked (`find`) before it is repeated. `concerns`: what has to wait.
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
        """Return the same error with `ambiguous` or `concerns` changed."""
        return TemporaryError(
            str(self),
            after=self.after,
            ambiguous=self.ambiguous if ambiguous is None else ambiguous,
            concerns=concerns or self.concerns,
        )


class PermanentError(DeskwireError):
    """The other side will never do it: noted on the ticket and counted, not retried."""

    concerns: ClassVar[Concern] = Concern.MESSAGE

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ConfigurationError(DeskwireError):
    """Only a person can mend it (a secret, a permission, a setting): raises an alarm, and is retried meanwhile.

    `ambiguous`: a part of the request had its effect: the first piece of a split text was sent, or the words were added
    to a ticket that could then not be reopened.
    """

    concerns: ClassVar[Concern] = Concern.ACCOUNT

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.ambiguous = ambiguous

    def retold(self, *, ambiguous: bool) -> Self:
        """Return the same error with `ambiguous` changed."""
        return type(self)(str(self), ambiguous=ambiguous)


def where(error: Exception) -> str:
    """Return an error's type and place in the code. Its text is left out: it may quote a customer."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_filename.rpartition('/')[2]}:{frame.tb_lineno}" if frame else ""
    return f"{type(error).__name__}{place}"
