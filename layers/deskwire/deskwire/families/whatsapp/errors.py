"""WhatsApp's error codes: their meaning for a message, and what happens next.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/ says (2026-06-18): go by
`code`, never by the title; codes come in answers, in `errors` of a message or a value, and later in a status `failed`.
Its table itself could not be read here. The codes and their meanings are those on which public libraries that quote it
agree (david-lev/pywa and vaam-apps/meta-whatsapp-rs, August and September 2026; Odoo): each code below is in at least
one of them, 131062 also on Meta's page on business-scoped ids. What happens next is our judgement. A code that is not
here is judged by its HTTP status, and passes when Graph calls it transient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deskwire.families import meta
from deskwire.model.errors import Concern, ConfigurationError, DeskwireError, PermanentError, TemporaryError
from deskwire.web.reading import Node
from deskwire.web.rest import Answer, checked, of_request

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
    131064: "the account reached its limit after templates of a wrong category",
    133000: "the number's registration is incomplete",
    133005: "the number's PIN is wrong",
    133006: "the number is not verified",
    133008: "the number's PIN was guessed too often",
    133009: "the number's PIN was guessed too fast",
    133010: "the number is not registered with the interface",
    133016: "the number was registered or deleted too often",
    133015: "the number was deleted lately, and its deletion is not complete",
    134011: "the terms of payments are not accepted",
}
# Later, by itself. Seconds where the documentation names them: one message to a person in about six seconds.
# 17, 32 and 613 are Graph's own, see families/meta.py.
RATES: Final[Mapping[int, float | None]] = {
    4: None, 17: None, 32: None, 613: None, 80007: None, 130429: None, 131056: 6.0,
    131057: 60.0,  # not a rate: the number's throughput is being raised, which takes up to a minute
}  # fmt: skip
# May have had its effect.
FAILING: Final = frozenset({1, 2, 131000, 131016, 133004})
# This message, or this person.
MESSAGE: Final = {
    100: "a field is not accepted",
    130403: "the company has blocked this person",
    130472: "the person is part of an experiment of Meta's and gets no such message",
    131008: "a field is missing",
    131009: "a field's value is not accepted",
    131021: "the recipient is the sender",
    131026: "the person cannot get it: no WhatsApp under this number, blocked, or an old version",
    131030: "the number is not on the list of test recipients",
    131043: "the message expired before it could be delivered",
    131047: "more than 24 hours have passed since the customer last wrote: only a template can be sent",
    131049: "Meta did not deliver it, to keep the number of such messages low",
    131050: "the person wants no marketing messages from this company",
    131051: "WhatsApp does not know this type of message",
    131052: "the file that the customer sent could not be downloaded",
    131053: "the file could not be uploaded: its type or size",
    131055: "templates of this category cannot be sent this way",
    131062: "this template needs the person's number, and they show none",
    131063: "marketing templates are switched off for the account",
    132000: "the template wants another number of values",
    132001: "there is no such template in this language, or it is not approved",
    132005: "the template's text becomes too long",
    132007: "the template violates a policy",
    132008: "a value is not of the form that the template wants",
    132012: "a value is not of the form that the template wants",
    132015: "the template is paused because of its quality",
    132018: "the template's values are not right",
    132016: "the template was switched off because of its quality",
    132068: "the template's Flow is blocked",
    132069: "the template's Flow is throttled",
    135000: "WhatsApp refused the request and does not say why",
    137000: "the person has another phone or installed WhatsApp anew",
}


def meaning(code: int) -> str:
    """Return a code's meaning, "" if it is unknown."""
    if 200 <= code < 300:
        return "the app lacks a permission"
    rate = "too many messages in a short time" if code in RATES else ""
    return MESSAGE.get(code) or ACCOUNT.get(code) or rate or ("WhatsApp had a fault" if code in FAILING else "")


def explained(problem: Node) -> str:
    """Return an error of a status or a value in words for the agent, never ""."""
    code = problem["code"].text("")
    known = meaning(int(code)) if code.isascii() and code.isdecimal() and len(code) < 10 else ""
    details = problem["error_data"]["details"].text("") or problem["message"].text("") or problem["title"].text("")
    text = known or details or "WhatsApp gives no reason"
    return f"{text} (error {code})" if code else text


def settled(answer: Answer, *, what: str, secret: str) -> Node:
    """Return the answer; raise our error for an error in it, whatever the status."""
    if meta.failed(answer):
        code, _ = meta.codes(answer)
        error = judged(code, answer.status, what=what, secret=secret, transient=meta.transient(answer))
        if error is not None:
            raise error
    return checked(answer, what=what, secret_hint=f"“{secret}”").node()


def judged(code: int, status: int, *, what: str, secret: str = "", transient: bool = False) -> DeskwireError | None:
    """Return our error for a code with this status; None if the status alone decides.

    `secret` names the token's secret, if it is ours; `transient`: Graph declares the error transient.
    """
    text = f"{what}: {meaning(code) or 'WhatsApp refuses it, for a reason that Deskwire does not know'} (error {code})"
    if code in RATES:
        concerns = Concern.TICKET if code == 131056 else Concern.ACCOUNT
        return TemporaryError(text, after=RATES[code], concerns=concerns)
    if code in FAILING:
        return TemporaryError(text, ambiguous=True)
    if not meaning(code) and transient:
        return TemporaryError(text, concerns=Concern.MESSAGE)
    if (code in ACCOUNT or 200 <= code < 300) and (code or status == 401):
        hint = f", store a new “{secret}”" if secret and code in {0, 190} else ""
        return ConfigurationError(text + hint)
    if code in MESSAGE or of_request(status):
        return PermanentError(text, status=status, code=str(code))
    return None
