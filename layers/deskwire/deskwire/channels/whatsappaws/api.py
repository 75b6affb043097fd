"""AWS End User Messaging Social's interface: how it is asked, and what its refusals mean.

https://docs.aws.amazon.com/social-messaging/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deskwire.families.whatsapp import errors
from deskwire.model.errors import ConfigurationError, PayloadError
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, checked

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach

SERVICE: Final = "social-messaging"
NUMBER: Final = re.compile(
    r"phone-number-id-[0-9a-zA-Z]{1,99}|arn:[a-z-]+:social-messaging:\S{1,60}:phone-number-id/\w+"
)
RIGHT: Final = "that the parameter WhatsAppNumbers names it"
# AWS passes Meta's refusals on in its own errors' texts; the form “(#131047) …” is Meta's. Unconfirmed.
META_CODE: Final = re.compile(r"\(#([0-9]{1,6})\)")
ERROR_TYPE: Final = re.compile(r"[A-Za-z]{3,60}")


def number(reach: Reach) -> str:
    """Return AWS's id of the connection's number. Raises `ConfigurationError` where it is none."""
    found = reach.settings.get("phone_number_id", "")
    if not NUMBER.fullmatch(found):
        raise ConfigurationError("“phone_number_id” is not AWS's id of the number: phone-number-id-…")
    return found


def ask(method: str, path: str, payload: Mapping[str, object] | None, reach: Reach) -> Answer:
    """Return whatever AWS answers."""
    if payload is None:
        return reach.aws(SERVICE, method, path)
    body = json.dumps(payload, separators=(",", ":")).encode()
    return reach.aws(SERVICE, method, path, body, {"Content-Type": "application/json"})


def settled(answer: Answer, *, what: str) -> Node:
    """Return what AWS answered; raise for an error what happens next: by Meta's code, AWS's type, or the status."""
    if answer.status >= 400:
        kind, code = _error(answer)
        error = errors.judged(code, answer.status, what=what) if code else None
        if error is not None:
            raise error
        if kind == "ResourceNotFoundException":
            raise ConfigurationError(f"{what}: AWS knows no such number in this region ({kind})")
    return checked(answer, what=what, secret_hint=RIGHT).node()


def _error(answer: Answer) -> tuple[str, int]:
    """Return the type of an error of AWS, and the code of Meta's that its text quotes; "" and 0 without one."""
    try:
        body = read(answer.body)
    except PayloadError:
        body = Node({}, "error")
    named = answer.headers.get("x-amzn-errortype", "") or body["__type"].text("") or body["code"].text("")
    kind = ERROR_TYPE.match(named.rpartition("#")[2])
    quoted = META_CODE.search(body["message"].text("") or body["Message"].text(""))
    return kind[0] if kind else "", int(quoted[1]) if quoted else 0
