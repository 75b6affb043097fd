"""WhatsApp's error codes: what each means for a message, and what happens next.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/ (read 2026-11-28; the
codes come in answers and, later, in a status `failed`). A code that is not here is judged by its HTTP status.
"""

from __future__ import annotations

from typing import Final

from deskwire.model.errors import Concern, ConfigurationError, PayloadError, PermanentError, TemporaryError
from deskwire.web.reading import Node, read
from deskwire.web.rest import Answer, checked, of_account

from .people import words

# Only a person can mend it: the token, a right, the account, its number, its bill.
ACCOUNT: Final = {
    0: "the access token is no longer good",
    3: "the app lacks a permission",
    10: "the app lacks a permission",
    33: "the number was deleted",
    190: "the access token is no longer good",
    368: "Meta has restricted the account for a violation of its policy",
    130497: "the account may not write to people of this country",
    131005: "the app lacks a permission",
    131031: "Meta has locked the account",
    131037: "the number's display name is not approved",
    131042: "the account's payment method has a problem",
    131045: "the number is not registered with the interface",
    131048: "too many of the number's messages were blocked or reported as spam",
    133000: "the number's registration is incomplete",
    133005: "the number's PIN is wrong",
    133006: "the number is not verified",
    133010: "the number is not registered with the interface",
    134011: "the terms of payments are not accepted",
}
# Later, by itself. Seconds where the documentation names them: one message to a person in about six seconds.
RATES: Final = {4: None, 80007: None, 130429: None, 131056: 6.0, 133016: None}
# May have had its effect.
FAILING: Final = frozenset({1, 2, 131000, 131016, 131057, 133004})
# This message, or this person.
MESSAGE: Final = {
    100: "a field is not accepted",
    130472: "the person is part of an experiment of Meta's and gets no such message",
    131008: "a field is missing",
    131009: "a field's value is not accepted",
    131021: "the recipient is the sender",
    131026: "the person cannot get it: no WhatsApp under this number, blocked, or an old version",
    131030: "the number is not on the list of test recipients",
    131047: "more than 24 hours have passed since the customer last wrote: only a template can be sent",
    131049: "Meta did not deliver it, to keep the number of such messages low",
    131050: "the person wants no marketing messages from this company",
    131051: "WhatsApp does not know this type of message",
    131052: "the file that the customer sent could not be downloaded",
    131053: "the file could not be uploaded: its type or size",
    131062: "this template needs the person's number, and they show none",
    132000: "the template wants another number of values",
    132001: "there is no such template in this language, or it is not approved",
    132005: "the template's text becomes too long",
    132007: "the template violates a policy",
    132012: "a value is not of the form that the template wants",
    132015: "the template is paused because of its quality",
    132016: "the template was switched off because of its quality",
    132068: "the template's Flow is blocked",
    132069: "the template's Flow is throttled",
}


def meaning(code: int) -> str:
    """Return what a code means, empty where we do not know it."""
    if 200 <= code < 300:
        return "the app lacks a permission"
    rate = "too many messages in a short time" if code in RATES else ""
    return MESSAGE.get(code) or ACCOUNT.get(code) or rate or ("WhatsApp had a fault" if code in FAILING else "")


def explained(problem: Node) -> str:
    """Return an error of a status or a value in words for the agent; whatever it lacks, never empty."""
    code = words(problem["code"])
    known = meaning(int(code)) if code.isascii() and code.isdecimal() and len(code) < 10 else ""
    details = words(problem["error_data"]["details"]) or words(problem["message"]) or words(problem["title"])
    text = known or details or "WhatsApp gives no reason"
    return f"{text} (error {code})" if code else text


def code_of(answer: Answer) -> int:
    """Return the error's code, 0 where there is none."""
    try:
        return read(answer.body)["error"]["code"].number(0)
    except PayloadError:
        return 0


def settled(answer: Answer, *, what: str, secret: str) -> Node:
    """Return what was answered; raise for an error, wherever it stands, what happens next."""
    try:
        failed = "error" in read(answer.body)
    except PayloadError:
        failed = False
    code = code_of(answer)
    text = f"{what}: {meaning(code) or 'refused'} (error {code})"
    if code in RATES:
        concerns = Concern.TICKET if code == 131056 else Concern.ACCOUNT
        raise TemporaryError(text, after=RATES[code], concerns=concerns)
    if code in FAILING:
        raise TemporaryError(text, ambiguous=True)
    if failed and (code in ACCOUNT or 200 <= code < 300) and (code or answer.status == 401):
        hint = f", store a new “{secret}”" if code in {0, 190} else ""
        raise ConfigurationError(text + hint)
    if code in MESSAGE or (failed and answer.status < 500 and answer.status not in {408, 425, 429}
                           and not of_account(answer.status)):  # fmt: skip
        raise PermanentError(text, status=answer.status, code=str(code))
    return checked(answer, what=what, secret_hint=f"“{secret}”").node()
