"""The Graph API as far as pages and their inboxes need it, files on Meta's hosts, and a page for a person's look."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from deskwire.families.meta_registration import SCOPES
from sandbox.neighbours.neighbour import Asked, Reply, route
from sandbox.platforms.meta.app import App
from sandbox.platforms.meta.world import DAY, Conversation, Thing, World, permalink

APP = 1910000000000777  # the app whose tokens and secret these are
WEEK, HOUR = timedelta(days=7), timedelta(hours=1)
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
article{border:1px solid #d9d9d9;border-radius:12px;padding:.75rem 1rem;margin:.5rem 0}.own{background:#eef6ff}
.reply{margin-inline-start:2rem}small{color:#666}p{margin:.25rem 0;white-space:pre-wrap;unicode-bidi:plaintext}"""


def error(code: int, subcode: int = 0, text: str = "", status: int = 400, kind: str = "OAuthException") -> Reply:
    """Return a refusal in Graph's shape."""
    inner: dict[str, Any] = {"message": f"(#{code}) {text}", "type": kind, "code": code, "fbtrace_id": "AInventedTrace"}
    return Reply.json(status, {"error": inner | ({"error_subcode": subcode} if subcode else {})})


MISSING = "Unsupported request. Object does not exist, cannot be loaded due to missing permissions"


class Meta(World):
    """The world of `World`, and the interface to it."""

    def __init__(self, pages: Mapping[str, str], *, secret: str = "invented-app-secret", **options: Any) -> None:  # noqa: S107 - invented
        """Play these pages (id to name) and one app with this secret."""
        super().__init__(pages, **options)
        self.app = App(str(APP), secret, [*dict.fromkeys([*SCOPES["facebook"], *SCOPES["messenger"]])])
        self.linked: dict[str, dict[str, Any]] = {}  # a page's Instagram account
        self.app.pages = lambda: [
            {
                "id": page,
                "name": name,
                "access_token": self.token(page),
                "tasks": ["MODERATE", "MESSAGING", "MANAGE"],
                **self.linked.get(page, {}),
            }
            for page, name in self.pages.items()
        ]

    def authorize(self, asked: Asked) -> Reply | None:
        """Want the token of a page."""
        token = asked.header("authorization").removeprefix("Bearer ") or asked.parameter("access_token")
        page = self._page(token)
        if not token or page is None:
            return error(190, 0, "Invalid OAuth access token - Cannot parse access token")
        if page in self._dead:
            return error(190, 460, "Error validating access token: the user changed their password")
        return None

    def admit(self, asked: Asked) -> Reply | None:
        """Keep each page's budget of calls (an hour here; Meta counts a day by engaged users)."""
        page, now = self._caller(asked), self.clock.now()
        calls = self._calls[page] = [at for at in self._calls[page] if now - at < HOUR]
        if len(calls) >= self.budget:
            refused = error(80001, 0, "There have been too many calls to this Page account.")
            minutes = int((calls[0] + HOUR - now).total_seconds() // 60) + 1
            usage = {page: [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": minutes}]}
            return Reply(400, refused.body, {**refused.headers, "x-business-use-case-usage": json.dumps(usage)})
        calls.append(now)
        return None

    def unknown(self, asked: Asked) -> Reply:
        """Refuse other addresses as Graph does."""
        return error(2500, 0, f"Unknown path components: {asked.path}")

    def _page(self, token: str) -> str | None:
        return next((page for page in self.pages if self.token(page) == token), None)

    def _caller(self, asked: Asked) -> str:
        token = asked.header("authorization").removeprefix("Bearer ") or asked.parameter("access_token")
        return self._page(token) or ""

    def _seen(self, asked: Asked, target: str) -> Thing | None:
        """Return what the caller's page may see under an id, in either form."""
        found = self.things.get(target) or next(
            (thing for thing in self.things.values() if thing.post and thing.id.endswith(f"_{target}")), None
        )
        return None if found is None or found.gone or found.page != self._caller(asked) else found

    # ------------------------------------------------------------------------ the app's webhooks, tokens and login

    @route("GET", "/{version}/{number}/subscriptions", public=True)
    @route("POST", "/{version}/{number}/subscriptions", public=True)
    def app_subscriptions(self, asked: Asked, version: str, number: str) -> Reply:
        """Show or set the app's webhooks."""
        del version
        return self.app.subscriptions(asked, number)

    @route("GET", "/{version}/{page}/subscribed_apps")
    @route("POST", "/{version}/{page}/subscribed_apps")
    def app_subscribed(self, asked: Asked, version: str, page: str) -> Reply:
        """Show or set what a page gives the app."""
        del version
        caller = self._caller(asked)
        if page not in {caller, "me"}:
            return error(210, 0, "A page access token is required to request this resource.", status=403)
        return self.app.subscribed_apps(asked, caller)

    @route("GET", "/{version}/debug_token", public=True)
    def app_debug(self, asked: Asked, version: str) -> Reply:
        """Tell what a token is worth."""
        del version
        return self.app.debug(asked, lambda token: self._page(token) not in {None, *self._dead})

    @route("GET", "/{version}/dialog/oauth", public=True)
    def app_dialog(self, asked: Asked, version: str) -> Reply:
        """Let a person sign in: they consent at once."""
        del version
        return self.app.dialog(asked)

    @route("GET", "/{version}/oauth/access_token", public=True)
    def app_exchange(self, asked: Asked, version: str) -> Reply:
        """Give a person's token for a code."""
        del version
        return self.app.exchange(asked)

    @route("GET", "/{version}/me/accounts", public=True)
    def app_accounts(self, asked: Asked, version: str) -> Reply:
        """Show a person's pages."""
        del version
        return self.app.accounts(asked)

    @route("POST", "/{version}/{target}/comments")
    def comment(self, asked: Asked, version: str, target: str) -> Reply:
        """Comment on a post or a comment."""
        del version
        data = asked.json() if "json" in asked.header("content-type") else asked.form()
        on = self._seen(asked, target)
        if on is None:
            return error(100, 33, MISSING, kind="GraphMethodException")
        text = data.get("message", "") if isinstance(data, dict) else ""
        if not isinstance(text, str) or not (text or data.get("attachment_url")):
            return error(100, 0, "param message must be non-empty")
        if len(text) > 8000:
            return error(100, 0, "param message is too long")
        page = self._caller(asked)
        made = self._comment(self._self(page), on, text)
        if "_" not in on.id:  # a recommendation's story
            made.parent = on.id
        self.sent[made.parent if on.post else on.id].append(text)
        self._tell(self._told(made, {"item": "comment", "verb": "add"}).entry)
        # Both forms are seen; which one when is not documented.
        number = int(made.id.rpartition("_")[2])
        return Reply.json(200, {"id": made.id if number % 2 else str(number)})

    @route("GET", "/{version}/{target}/comments")
    def list_comments(self, asked: Asked, version: str, target: str) -> Reply:
        """List the comments under something, replies too with `filter=stream`."""
        del version
        on = self._seen(asked, target)
        if on is None:
            return error(100, 33, MISSING, kind="GraphMethodException")
        stream = asked.parameter("filter") == "stream"
        found = [
            thing
            for thing in self.things.values()
            if not thing.gone and (thing.parent == on.id or (stream and thing.post == on.id))
        ]
        if asked.parameter("order") == "reverse_chronological":
            found.reverse()
        fields = asked.parameter("fields", "id,message,created_time")
        data = [_fields(thing, fields) for thing in found[: int(asked.parameter("limit", "25"))]]
        return Reply.json(200, {"data": data, "paging": {"cursors": {"before": "a", "after": "b"}}})

    @route("POST", "/{version}/{target}")
    def hide(self, asked: Asked, version: str, target: str) -> Reply:
        """Hide somebody's comment, or show it."""
        del version
        on, data = self._seen(asked, target), asked.json() if isinstance(asked.json(), dict) else {}
        if on is None:
            return error(100, 33, MISSING, kind="GraphMethodException")
        if not on.post or on.author.id in self.pages or not isinstance(data.get("is_hidden"), bool):
            return error(100, 0, "this can not be hidden")
        on.hidden = data["is_hidden"]
        return Reply.json(200, {"success": True})

    @route("POST", "/{version}/{page}/messages")
    def send(self, asked: Asked, version: str, page: str) -> Reply:
        """Send a message: to a person, or as the one private reply to a comment or post."""
        del version
        if page != self._caller(asked):
            return error(200, 0, "The page token is of another page", status=403)
        data = asked.json() if isinstance(asked.json(), dict) else {}
        recipient, message = data.get("recipient") or {}, data.get("message") or {}
        refused = self._illegible(message)
        if refused is not None:
            return refused
        answered = recipient.get("comment_id") or recipient.get("post_id")
        if answered:
            conversation, refused = self._private_reply(asked, page, str(answered))
        else:
            conversation, refused = self._window(page, str(recipient.get("id")), data)
        if refused is not None or conversation is None:
            return refused or error(100, 2018001, "No matching user found")
        psid, text = conversation.person.psid(page), str(message.get("text", ""))
        made = self._message(
            page, psid, text, outgoing=True, tag=data.get("tag", ""), metadata=message.get("metadata", ""),
            choices=tuple((each["payload"], each["title"][:20]) for each in message.get("quick_replies", ())),
        )  # fmt: skip
        conversation.messages.append(made)
        self.sent[psid].append(text or "[attachment]")
        content = {"mid": made.mid, "is_echo": True, "app_id": APP} | message
        self._tell(self._item(made, {"message": content}))
        return Reply.json(200, {"recipient_id": psid, "message_id": made.mid})

    @staticmethod
    def _illegible(message: Mapping[str, Any]) -> Reply | None:
        kinds = [name for name in ("text", "attachment", "sticker_id") if message.get(name)]
        if len(kinds) != 1:
            return error(100, 0, "a message is either text or an attachment")
        if len(str(message.get("text", ""))) > 2000:
            return error(100, 0, "Length of param message[text] must be less than or equal to 2000")
        replies = message.get("quick_replies", [])
        if len(replies) > 13 or any(len(each["payload"]) > 1000 or not each["title"] for each in replies):
            return error(100, 0, "a message takes 13 quick replies, each with a title and a payload of 1000")
        if len(str(message.get("metadata", ""))) > 1000:
            return error(100, 0, "Length of param message[metadata] must be less than or equal to 1000")
        return None

    def _window(self, page: str, psid: str, data: Mapping[str, Any]) -> tuple[Conversation | None, Reply | None]:
        """Hold a message to Messenger's windows: a day, or a week with the tag for people."""
        conversation = self.inboxes.get((page, psid))
        if conversation is None:
            return None, error(100, 2018001, "No matching user found")
        if conversation.blocked:
            return None, error(551, 1545041, "This person isn't available right now.")
        kind, tag = data.get("messaging_type"), data.get("tag")
        if kind not in {"RESPONSE", "UPDATE", "MESSAGE_TAG"}:
            return None, error(100, 0, "messaging_type is missing or unknown")
        if kind == "MESSAGE_TAG" and tag != "HUMAN_AGENT":
            return None, error(100, 0, "this message tag was removed")
        age = self.clock.now() - conversation.last_inbound if conversation.last_inbound else timedelta.max
        if age > (WEEK if tag == "HUMAN_AGENT" else DAY):
            return None, error(10, 2018278, "This message is sent outside of allowed window.")
        return conversation, None

    def _private_reply(self, asked: Asked, page: str, target: str) -> tuple[Conversation | None, Reply | None]:
        thing = self._seen(asked, target)
        if thing is None or thing.author.id in self.pages:
            return None, error(100, 33, MISSING, kind="GraphMethodException")
        if thing.id in self._answered:
            return None, error(10900, 0, "Activity already replied to")
        if self.clock.now() - thing.at > WEEK:
            return None, error(10901, 0, "Activity is older than a week")
        self._answered.add(thing.id)
        return self._inbox(page, thing.author), None

    @route("GET", "/{version}/{target}")
    def read(self, asked: Asked, version: str, target: str) -> Reply:
        """Read a page, a post, a comment, or who somebody in the inbox is."""
        del version
        page, fields = self._caller(asked), asked.parameter("fields", "id,message,created_time")
        if target in self.pages:
            return Reply.json(200, {"id": target, "name": self.pages[target]})
        if (conversation := self.inboxes.get((page, target))) is not None:
            first, _, last = conversation.person.name.partition(" ")
            return Reply.json(200, {"id": target, "first_name": first, "last_name": last})
        if (thing := self.things.get(target)) is not None and not thing.page:
            return error(10, 0, "This endpoint requires the 'pages_read_engagement' permission")
        if (thing := self._seen(asked, target)) is None:
            return error(100, 33, MISSING, kind="GraphMethodException")
        if not thing.post and "attachment" in fields.split(","):
            return error(100, 0, "Tried accessing nonexisting field (attachment) on node type (Post)")
        return Reply.json(200, _fields(thing, fields))

    def _tell(self, entry: dict[str, Any]) -> None:
        if self.echo is not None:
            self.echo(entry)

    # ------------------------------------------------------------------------------------------ files, and a look

    @route("GET", "/v/{name}", public=True)
    def file(self, asked: Asked, name: str) -> Reply:
        """Give a file away while its link is good."""
        if datetime.fromtimestamp(int(asked.parameter("oe", "0"), 16), UTC) < self.clock.now():
            return Reply(403, b"URL signature expired", {"content-type": "text/plain"})
        kind, data = FILES.get(name.rpartition(".")[2], ("application/octet-stream", b"a file"))
        return Reply(200, data, {"content-type": kind})

    @route("GET", "/", public=True)
    def page(self, asked: Asked) -> Reply:
        """Show what the public and the people written to see."""
        del asked
        parts = []
        for post in [thing for thing in self.things.values() if not thing.post]:
            parts.append(self._article(post))
            under = [thing for thing in self.things.values() if thing.post == post.id]
            for root in [thing for thing in under if thing.parent == post.id]:
                parts += map(self._article, [root, *(thing for thing in under if thing.parent == root.id)])
        for (page, psid), inbox in self.inboxes.items():
            parts.append(f"<h2>{html.escape(inbox.person.name)} and {html.escape(self.pages[page])}, in private</h2>")
            for message in inbox.messages:
                who = self.pages[page] if message.outgoing else inbox.person.name
                shown = " ".join([message.text or "(attachment)", *(f"[{title}]" for _, title in message.choices)])
                parts.append(_card(psid, who, shown, message.at, own=message.outgoing))
        title = "Facebook, as played here"
        return Reply.html(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
            f"<h1>{title}</h1>{''.join(parts)}</html>"
        )

    def _article(self, thing: Thing) -> str:
        words = "(removed)" if thing.gone else "(hidden)" if thing.hidden else thing.text or "(attachment)"
        own = thing.author.id in self.pages
        return _card(thing.id, thing.author.name, words, thing.at, own=own, reply=bool(thing.post))


def _card(name: str, who: str, words: str, at: datetime, *, own: bool, reply: bool = False) -> str:
    kind = " ".join(["own"] * own + ["reply"] * reply)
    return (
        f'<article class="{kind}" id="{quote(name)}"><small>{html.escape(who)}, {at:%Y-%m-%d %H:%M}</small>'
        f'<p dir="auto">{html.escape(words)}</p></article>'
    )


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636001000000050001"
    "0d0a2db40000000049454e44ae426082"
)
FILES = {
    "png": ("image/png", PIXEL),
    "jpg": ("image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"),
    "mp4": ("video/mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"),
    "pdf": ("application/pdf", b"%PDF-1.4\n%%EOF\n"),
}


def _fields(thing: Thing, wanted: str) -> dict[str, Any]:
    """Return the fields asked for (`from{id,name}` counts as `from`)."""
    full: dict[str, Any] = {
        "id": thing.id,
        "from": thing.author.author(),
        "message": thing.text,
        "created_time": thing.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "permalink_url": permalink(thing),
        "attachment": thing.attachment,
        "parent": {"id": thing.parent} if thing.post and thing.parent != thing.post else None,
    }
    names, depth, current = {"id"}, 0, ""
    for character in f"{wanted},":
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and not depth:
            names.add(current.partition("{")[0])
            current = ""
        else:
            current += character
    return {name: value for name, value in full.items() if name in names and value is not None}
