"""The `status` that Viber puts into its answers of HTTP 200: what each means, and what happens next.

https://creators.viber.com/docs/bots-api/errors describes the codes; of that page the first four could be read here.
The rest are those of the table “Error codes” of https://developers.viber.com/docs/api/rest-bot-api/ as libraries that
copy it have it: 0 to 20 agree in seven of them, 21 to 24 (since 2022) stand in three, all read on 2026-11-29. One
recent library names 16 to 20 otherwise; none of those can come of what is sent here. What happens next is our
judgement. That table also has “other: general error”.
"""

from __future__ import annotations

from typing import Final

from deskwire.model.errors import Concern, ConfigurationError, PermanentError, TemporaryError
from deskwire.web.reading import Node
from deskwire.web.rest import Answer, checked

OK: Final = 0
# Only a person can mend it: the token, the bot, its webhook.
ACCOUNT: Final = {
    1: "the address of the webhook is not valid",  # invalidUrl
    2: "the token is not valid",  # invalidAuthToken
    7: "the bot is blocked",  # publicAccountBlocked
    8: "the token belongs to no bot",  # publicAccountNotFound
    9: "the bot is suspended",  # publicAccountSuspended
    10: "the bot has no webhook: call set_webhook",  # webhookNotSet
    15: "the bot is not authorized to do this",  # publicAccountNotAuthorized
}
# Later, by itself. Documented is a limit for each person: 100 messages in an hour that they do not answer.
RATE: Final = {12: "too many messages to this person in a short time"}  # tooManyRequests
# This message, or this person.
MESSAGE: Final = {
    3: "the request is not of the right form",  # badData
    4: "the request lacks a field",  # missingData
    5: "the person has no Viber any more",  # receiverNotRegistered
    6: "the person has left the bot (unsubscribed): they have to write again first",  # receiverNotSubscribed
    11: "the person's device or version of Viber does not support bots",  # receiverNoSuitableDevice
    13: "the person's version of Viber is too old for this message",  # apiVersionNotSupported
    14: "a field does not fit the version that the message asks for",  # incompatibleWithVersion
    16: "messages inside another chat are not allowed",  # inchatReplyMessageNotAllowed
    17: "the bot cannot be used inside another chat",  # publicAccountIsNotInline
    18: "the bot has no public chat",  # noPublicChat
    19: "a broadcast cannot be sent",  # cannotSendBroadcast
    20: "the bot may not send broadcasts",  # broadcastNotAllowed
    21: "Viber does not deliver such messages to the person's country",  # unsupportedCountry
    22: "the bot does not support payments",  # paymentUnsupported
    # Both are of what is sent more than 24 hours after the person wrote; answers within them go on, so they hold up
    # nobody else.
    23: "the month's free messages after 24 hours are used up: they have to write again, or the bot's plan must "
    "change",  # freeMessagesExceeded
    24: "the bot's balance is empty, and after 24 hours messages cost money: they have to write again, or the balance "
    "be topped up",  # noBalance
}


def settled(answer: Answer, *, what: str, secret: str) -> Node:
    """Return an answer whose status is 0; raise for any other, in the body or of HTTP, what happens next.

    A status that is not known, or missing, may stand for a message that went out all the same: it is ambiguous.
    """
    node = checked(answer, what=what, secret_hint=f"“{secret}”").node().object()
    status = node["status"].number()
    if status == OK:
        return node
    meaning = ACCOUNT.get(status) or RATE.get(status) or MESSAGE.get(status) or "Viber gives a reason that is not known"
    text = f"{what}: {meaning} (status {status})"
    if status in ACCOUNT:
        raise ConfigurationError(text + (f": check “{secret}”" if status in {2, 8} else ""))
    if status in RATE:
        raise TemporaryError(text, concerns=Concern.TICKET)
    if status in MESSAGE:
        raise PermanentError(text, status=answer.status, code=str(status))
    raise TemporaryError(text, ambiguous=True, concerns=Concern.MESSAGE)
