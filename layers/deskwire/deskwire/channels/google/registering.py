"""Looks at where Google publishes an account's notifications, and sets that up.

An account has one setting with one topic, for all its locations and all tools:
https://developers.google.com/my-business/reference/notifications/rest/v1/NotificationSetting. The topic and its push
subscription are of the company's Cloud project, which the scope `business.manage` does not open: a person makes them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deskwire.contracts.registration import Finding, Registered, Site, State, complete
from deskwire.families import oauth2
from deskwire.web.reading import Node
from deskwire.web.rest import Call, checked, not_there

from . import access

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach

API: Final = "https://mybusinessnotifications.googleapis.com/v1"
NAME: Final = re.compile(r"projects/[^/\s]+/topics/[^/\s]+")
TYPES: Final = ("NEW_REVIEW", "UPDATED_REVIEW")
NOTIFICATIONS: Final = "the account's notifications"
KINDS: Final = "the types of notifications"
ENDING: Final = "publish the OAuth consent screen if it is in “Testing”, and run `deskwire connect google` again"
NOT_NAMED: Final = f"set `{access.TOPIC}` among the settings of the endpoint: projects/…/topics/…"
# Setting ours would take the notifications away from whatever tool uses the other topic: that is a person's to decide.
ELSEWHERE: Final = (
    f"an account has one topic: if no other tool needs this one, set the account's `pubsubTopic` to “” at Google and "
    f"apply again; else name it as `{access.TOPIC}` and make Deskwire's push subscription on it"
)


def findings(site: Site, reach: Reach) -> list[Finding]:
    """Return how the account's setting stands, and when the token ends, where that is known."""
    return [*_findings(site, _setting(reach)), *_token(reach)]


def _findings(site: Site, setting: Node) -> list[Finding]:
    wanted = site.settings.get(access.TOPIC, "")
    topic, types = setting["pubsubTopic"].text(""), _types(setting)
    # Without types nothing is published, whatever the topic is.
    if not NAME.fullmatch(wanted):
        state = State.UNKNOWN if topic and types else State.MISSING
        return [Finding(what=NOTIFICATIONS, state=state, found=topic, wanted="a topic", remedy=NOT_NAMED)]
    if topic and topic != wanted and types:
        return [Finding(what=NOTIFICATIONS, state=State.DIFFERENT, found=topic, wanted=wanted, remedy=ELSEWHERE)]
    if topic != wanted:
        return [Finding(what=NOTIFICATIONS, state=State.MISSING, wanted=wanted)]
    return [Finding(what=NOTIFICATIONS, found=topic), complete(KINDS, types, TYPES)]


def set_up(site: Site, reach: Reach) -> Registered:
    """Set the topic where there is none, and add the types that are missing; what else the account publishes stays."""
    setting = _setting(reach)
    if not any(finding.mends for finding in _findings(site, setting)):
        return Registered()
    topic, types = site.settings[access.TOPIC], list(dict.fromkeys([*TYPES, *_types(setting)]))
    # https://developers.google.com/my-business/content/notification-setup#update-notification-settings: the mask is a
    # list of the fields to update.
    url = f"{_url(reach)}?updateMask=pubsubTopic,notificationTypes"
    body = {"name": _name(reach), "pubsubTopic": topic, "notificationTypes": types}
    call = Call.json("PATCH", url, body, headers=access.authorization(reach))
    checked(reach.http(call), what="setting the account's notifications", secret_hint=access.HINT)
    return Registered(did=[f"{NOTIFICATIONS} set to {topic}: {', '.join(types)}"])


def _token(reach: Reach) -> list[Finding]:
    """Return when the refresh token ends: Google says it once, with the token, and has no interface to ask again."""
    if not reach.secrets.has(access.ENDS):
        return []
    ends = Node(reach.secrets.one(access.ENDS).reveal()).epoch()
    return [Finding(what=oauth2.REFRESH, found="valid", ends=ends, remedy=ENDING)]


def _setting(reach: Reach) -> Node:
    """Return the setting. Whether an account that never had one gives an empty one or none is not documented."""
    answer = reach.http(Call("GET", _url(reach), access.authorization(reach)))
    if not_there(answer):
        return Node({})
    return checked(answer, what="looking at the account's notifications", secret_hint=access.HINT).node()


def _types(setting: Node) -> list[str]:
    return [each.text("") for each in setting["notificationTypes"].rows()]


def _name(reach: Reach) -> str:
    return f"{'/'.join(reach.account.split('/')[:2])}/notificationSetting"


def _url(reach: Reach) -> str:
    return f"{API}/{_name(reach)}"
