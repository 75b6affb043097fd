"""The errors; each says what happens next (and so who has to act)."""

from __future__ import annotations


class DeskwireError(Exception):
    """The root of every error this library raises on purpose."""


class SignatureError(DeskwireError):
    """The request is not genuine: answered 401, nothing of it is kept."""


class PayloadError(DeskwireError):
    """Genuine, but not understood: the delivery (or the one event) is parked for a person to look at."""


class TemporaryError(DeskwireError):
    """The other side cannot do it now: tried again later.

    `after` is the least number of seconds to wait, where the other side named one. `ambiguous` says that the
    request may have had its effect: the connector is asked (`find`) before it is repeated.
    """

    def __init__(self, message: str, *, after: float | None = None, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.after = after
        self.ambiguous = ambiguous


class PermanentError(DeskwireError):
    """The other side will never do it: noted on the ticket and counted, not repeated."""

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ConfigurationError(DeskwireError):
    """Only a person can mend it (a secret, a right, a setting): counted under an alarm, and tried again later.

    `ambiguous` says that a part of the request had its effect before (the first piece of a split text).
    """

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message)
        self.ambiguous = ambiguous


def where(error: Exception) -> str:
    """Return an error's kind and place in the code; its words may be a customer's."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_filename.rpartition('/')[2]}:{frame.tb_lineno}" if frame else ""
    return f"{type(error).__name__}{place}"
