"""Google, played: published keys and their rotation, access tokens, reviews of a Business Profile and their replies.

Pub/Sub's side of the wire is `neighbours/sender.py` with the route that `Google.subscription` returns: one message a
request, signed by the key of the moment, repeated until it is acknowledged. What happens at Google (`review`,
`change`) returns the notification to deliver.
https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import secrets as random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deskwire.verification.oidc import json_web_key
from sandbox.neighbours.neighbour import Asked, Clock, Neighbour, Reply, route
from sandbox.neighbours.oauth2 import Login
from sandbox.neighbours.sender import Route

NOTIFICATIONS = "mybusinessnotifications.googleapis.com"
LISTS = ("mybusinessaccountmanagement.googleapis.com", "mybusinessbusinessinformation.googleapis.com")
HOSTS = (
    "www.googleapis.com", "oauth2.googleapis.com", "accounts.google.com", "mybusiness.googleapis.com", NOTIFICATIONS,
    *LISTS,
)  # fmt: skip
# A subscription's own retry policy: from 10 seconds to 10 minutes; after 7 days the message is gone.
# https://docs.cloud.google.com/pubsub/docs/push
PUBSUB: tuple[float, ...] = (10, 20, 40, 80, 160, 320, *((600,) * 1000))
TOPIC = re.compile(r"projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
# https://developers.google.com/my-business/reference/notifications/rest/v1/NotificationSetting#NotificationType
TYPES = {
    "GOOGLE_UPDATE", "NEW_REVIEW", "UPDATED_REVIEW", "NEW_CUSTOMER_MEDIA", "NEW_QUESTION", "UPDATED_QUESTION",
    "NEW_ANSWER", "UPDATED_ANSWER", "DUPLICATE_LOCATION", "VOICE_OF_MERCHANT_UPDATED",
}  # fmt: skip
STARS = ("ONE", "TWO", "THREE", "FOUR", "FIVE")
REPLY_BYTES = 4096


class Google(Neighbour):
    """One Google account with its locations. `client` is the OAuth client it gave its consent to."""

    name: ClassVar[str] = "google"

    def __init__(
        self,
        client: Mapping[str, str],
        *,
        service_account: str = "gbp-push@acme-care.iam.gserviceaccount.com",
        clock: Clock | None = None,
        port: int = 0,
    ) -> None:
        """Take the client's `client_id`, `client_secret` and `refresh_token`; push as `service_account`."""
        super().__init__(clock, port=port)
        self.client = dict(client)
        self.service_account = service_account
        self.reviews: dict[str, dict[str, Any]] = {}
        self.sent: list[tuple[str, str]] = []  # (review, text) of every reply that the public could see
        self.unverified: set[str] = set()  # locations that take no replies
        self.settings: dict[str, dict[str, Any]] = {}  # where notifications go, by account
        self.login = Login(self.client, self.clock)
        self.testing = False  # an app in “Testing”: its refresh tokens live for seven days
        self.locations: dict[str, str] = {}  # accounts/…/locations/… that the person manages, to their names
        self._tokens: dict[str, datetime] = {}
        self._refreshing = {self.client["refresh_token"]}
        self._keys = [rsa.generate_private_key(65537, 2048)]
        self._messages = itertools.count(12_044_556_677_889_900)

    # ------------------------------------------------------------------------------------------ keys and tokens

    def rotate(self) -> None:
        """Sign with a new key from now on; the one before stays published."""
        with self.lock:
            self._keys = [rsa.generate_private_key(65537, 2048), self._keys[0]]

    @property
    def signing_key(self) -> str:
        """The key of the moment, as PEM."""
        kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self._keys[0].private_bytes(serialization.Encoding.PEM, kind, plain).decode()

    def subscription(self, endpoint: str, audience: str) -> Route:
        """Return the push subscription to one of our endpoints (make it anew after a rotation)."""
        secrets = {"signing_key": self.signing_key, "audience": audience, "service_account": self.service_account}
        return Route.of_channel("google", endpoint, secrets, bundle=self.wrapped, schedule=PUBSUB)

    def wrapped(self, fragments: Sequence[Any]) -> bytes:
        """Return a push's body: one message, `{"data": …, "messageId": …}` around a notification."""
        (notification,) = fragments
        number = str(next(self._messages))
        now = _time(self.clock.now())
        message = {"data": base64.b64encode(json.dumps(notification).encode()).decode()}
        message |= {"messageId": number, "message_id": number, "publishTime": now, "publish_time": now}
        return json.dumps({"message": message, "subscription": "projects/acme-care/subscriptions/reviews"}).encode()

    @route("GET", "/oauth2/v3/certs", public=True)
    def certs(self, asked: Asked) -> Reply:
        """Publish the keys."""
        del asked
        keys = [json_web_key(key.public_key()) for key in self._keys]
        return Reply.json(200, {"keys": keys}, {"cache-control": "public, max-age=21600, must-revalidate"})

    @route("POST", "/token", public=True)
    def token(self, asked: Asked) -> Reply:
        """Give an access token for an hour; for a code a refresh token, too."""
        fields, more = asked.form(), {}
        if any(fields.get(name) != self.client[name] for name in ("client_id", "client_secret")):
            return Reply.json(401, {"error": "invalid_client"})
        if fields.get("grant_type") == "authorization_code":
            scope = self.login.taken(fields)
            if scope is None:
                return Reply.json(400, {"error": "invalid_grant", "error_description": "Bad Request"})
            more = {"scope": scope, "refresh_token": f"1//{random.token_hex(16)}"}
            self._refreshing.add(more["refresh_token"])
        elif fields.get("grant_type") != "refresh_token":
            return Reply.json(400, {"error": "unsupported_grant_type"})
        elif fields.get("refresh_token") not in self._refreshing:
            return Reply.json(400, {"error": "invalid_grant", "error_description": "Token has been revoked."})
        token = f"ya29.{random.token_hex(16)}"
        self._tokens[token] = self.clock.now() + timedelta(seconds=3599)
        ends = {"refresh_token_expires_in": 604799} if more and self.testing else {}
        return Reply.json(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer", **more, **ends})

    @route("GET", "/o/oauth2/v2/auth", public=True)
    def dialog(self, asked: Asked) -> Reply:
        """Let a person sign in."""
        return self.login.page(asked)

    @route("GET", "/v1/accounts")
    def accounts(self, asked: Asked) -> Reply:
        """List the person's accounts, one a page."""
        names = sorted({"/".join(name.split("/")[:2]) for name in self.locations})
        at = int(asked.parameter("pageToken", "0"))
        more = {"nextPageToken": str(at + 1)} if at + 1 < len(names) else {}
        return Reply.json(200, {"accounts": [{"name": name} for name in names[at : at + 1]], **more})

    @route("GET", "/v1/accounts/{number}/locations")
    def listed(self, asked: Asked, number: str) -> Reply:
        """List an account's locations, as far as the mask asks."""
        if set(asked.parameter("readMask").split(",")) != {"name", "title"}:
            return _error(400, "INVALID_ARGUMENT")
        account = f"accounts/{number}/"
        found = [(name, title) for name, title in self.locations.items() if name.startswith(account)]
        shown = [{"name": name.removeprefix(account), "title": title} for name, title in found]
        return Reply.json(200, {"locations": shown} if shown else {})

    def authorize(self, asked: Asked) -> Reply | None:
        """Ask for an access token that still holds."""
        until = self._tokens.get(asked.header("authorization").removeprefix("Bearer "))
        if until is None or until < self.clock.now():
            return _error(401, "UNAUTHENTICATED")
        return None

    # ------------------------------------------------------------------------------------- where notifications go

    @route("GET", "/v1/accounts/{number}/notificationSetting")
    @route("PATCH", "/v1/accounts/{number}/notificationSetting")
    def setting(self, asked: Asked, number: str) -> Reply:
        """Show or set an account's one topic: the fields of the mask alone.

        https://developers.google.com/my-business/reference/notifications/rest/v1/accounts/updateNotificationSetting
        """
        name = f"accounts/{number}/notificationSetting"
        kept = self.settings.setdefault(number, {})
        if asked.method == "PATCH":
            given, mask = asked.json(), asked.parameter("updateMask").split(",")
            topic, types = given.get("pubsubTopic", ""), given.get("notificationTypes", [])
            wrong = given.get("name") != name or not set(mask) <= {"pubsubTopic", "notificationTypes"}
            if wrong or (topic and not TOPIC.fullmatch(topic)) or not set(types) <= TYPES:
                return _error(400, "INVALID_ARGUMENT")
            kept.update({field: given[field] for field in mask if field in given})
        return Reply.json(200, {"name": name, **kept})

    # ---------------------------------------------------------------------------------------------- the reviews

    def review(self, location: str, stars: int, comment: str = "", reviewer: str = "Nadia B.") -> dict[str, str]:
        """Let somebody review a location (`accounts/…/locations/…`); return the notification."""
        with self.lock:
            now = _time(self.clock.now())
            number = f"AbFvOq{random.token_hex(8)}"
            name = f"{location}/reviews/{number}"
            self.reviews[name] = {
                "name": name,
                "reviewId": number,
                "reviewer": {"displayName": reviewer, "isAnonymous": False},
                "starRating": STARS[stars - 1],
                "createTime": now,
                "updateTime": now,
                **({"comment": comment} if comment else {}),
            }
            return _notification("NEW_REVIEW", name)

    def change(self, review: str, stars: int, comment: str) -> dict[str, str]:
        """Let the reviewer think again; return the notification."""
        with self.lock:
            changes = {"starRating": STARS[stars - 1], "comment": comment, "updateTime": _time(self.clock.now())}
            self.reviews[review].update(changes)
            return _notification("UPDATED_REVIEW", review)

    def delete(self, review: str) -> None:
        """Let the reviewer take it back: nobody is told."""
        with self.lock:
            del self.reviews[review]

    @route("GET", "/v4/accounts/{account}/locations/{location}/reviews/{review}")
    def read(self, asked: Asked, account: str, location: str, review: str) -> Reply:
        """Return a review."""
        del asked
        found = self.reviews.get(f"accounts/{account}/locations/{location}/reviews/{review}")
        return _error(404, "NOT_FOUND") if found is None else Reply.json(200, found)

    @route("PUT", "/v4/accounts/{account}/locations/{location}/reviews/{review}/reply")
    def reply(self, asked: Asked, account: str, location: str, review: str) -> Reply:
        """Put the owner's one reply."""
        place = f"accounts/{account}/locations/{location}"
        found, body = self.reviews.get(f"{place}/reviews/{review}"), asked.json()
        if found is None:
            return _error(404, "NOT_FOUND")
        if place in self.unverified:
            return _error(400, "FAILED_PRECONDITION")
        text = body.get("comment") if isinstance(body, dict) else None
        if not isinstance(text, str) or not text.strip() or len(text.encode()) > REPLY_BYTES:
            return _error(400, "INVALID_ARGUMENT")
        found["reviewReply"] = {"comment": text, "updateTime": _time(self.clock.now())}
        self.sent.append((str(found["name"]), text))
        return Reply.json(200, found["reviewReply"])

    @route("DELETE", "/v4/accounts/{account}/locations/{location}/reviews/{review}/reply")
    def retract(self, asked: Asked, account: str, location: str, review: str) -> Reply:
        """Take the reply away."""
        del asked
        found = self.reviews.get(f"accounts/{account}/locations/{location}/reviews/{review}")
        if found is None or found.pop("reviewReply", None) is None:
            return _error(404, "NOT_FOUND")
        return Reply.json(200, {})

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show what the public sees."""
        del asked
        shown = "".join(
            f"<article><p>{'★' * (STARS.index(review['starRating']) + 1)} "
            f"<b>{html.escape(review['reviewer']['displayName'])}</b> {review['updateTime']}</p>"
            f'<p dir="auto">{html.escape(review.get("comment", ""))}</p>'
            + (f'<blockquote dir="auto">{html.escape(reply["comment"])}</blockquote>' if reply else "")
            + "</article>"
            for review in reversed(self.reviews.values())
            for reply in (review.get("reviewReply"),)
        )
        style = "body{font:16px/1.5 sans-serif;max-width:40em;margin:2em auto}article{border-bottom:1px solid #ccc}"
        return Reply.html(f'<!doctype html><html lang="en"><title>Reviews</title><style>{style}</style>{shown}</html>')


def _notification(kind: str, review: str) -> dict[str, str]:
    return {"type": kind, "location": review.partition("/reviews/")[0], "review": review}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(status: int, name: str) -> Reply:
    return Reply.json(status, {"error": {"code": status, "message": name.replace("_", " ").lower(), "status": name}})
