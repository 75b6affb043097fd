"""A site on loopback that embeds the widget, and visitors who do what the widget does, without a browser."""

from __future__ import annotations

import html
import http.client
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from deskwire.channels import webchat
from deskwire.verification.session import PLAYED
from sandbox.neighbours.neighbour import Asked, Neighbour, Reply, free_port, route

HERE = Path(__file__).parent
WIDGET = Path(webchat.__file__).with_name("webchat.js").read_bytes()
LANGUAGES = {"en": "ltr", "de": "ltr", "ar": "rtl", "he": "rtl"}
CHAT = PLAYED[0]


class Site(Neighbour):
    """The page at `/chat`, with a strict content security policy: `endpoint` and `uploads` are all it may call."""

    name: ClassVar[str] = "site"

    def __init__(self, *, port: int = 0) -> None:
        """Listen on a port that is known before, for the chat's origins."""
        self.port = port or free_port()
        super().__init__(port=self.port)
        self.endpoint = self.uploads = ""

    @property
    def origin(self) -> str:
        """The page's origin."""
        return f"http://127.0.0.1:{self.port}"

    def authorize(self, asked: Asked) -> Reply | None:
        """Let anybody read the page."""
        del asked
        return None

    @route("GET", "/chat")
    def page(self, asked: Asked) -> Reply:
        """Return the page; the query's `language` and `chat` go into the tag."""
        language = asked.parameter("language", "en")
        values = {
            "ENDPOINT": self.endpoint, "LANGUAGE": language, "DIRECTION": LANGUAGES.get(language, "ltr"),
            "CHAT": asked.parameter("chat", CHAT),
        }  # fmt: skip
        page = (HERE / "site.html").read_text(encoding="utf-8")
        for name, value in values.items():
            page = page.replace(f"@{name}@", html.escape(value))
        parts = (urlsplit(each) for each in (self.endpoint, self.uploads))
        allowed = " ".join(f"{part.scheme}://{part.netloc}" for part in parts if part.netloc)
        policy = f"default-src 'none'; script-src 'self'; connect-src {allowed}; require-trusted-types-for 'script'"
        return Reply(
            200, page.encode(), {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
        )

    @route("GET", "/webchat.js")
    def script(self, asked: Asked) -> Reply:
        """Return the widget."""
        del asked
        return Reply(200, WIDGET, {"content-type": "text/javascript; charset=utf-8"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page's script sees."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Visitor:
    """One person on a page of `origin`, whose widget talks to `endpoint` (…/pages/{endpoint})."""

    endpoint: str
    origin: str
    chat: str = CHAT
    token: str = ""

    @property
    def id(self) -> str:
        """The id under which the company knows the visitor."""
        return self.token.split(".")[2]

    def begin(self) -> Answer:
        """Begin a session."""
        answer = self.post("/session", {"schema": "chat.session/1", "widget_id": self.chat})
        self.token = answer.body.get("token", "")
        return answer

    def write(self, text: str, *, number: str = "", **more: Any) -> Answer:
        """Send a message; a `number` given again is a repeated post."""
        return self.post("", message(text, number, **more))

    def press(self, begins: str) -> Answer:
        """Press the button of the last question whose title begins so."""
        shown = [each for page in [self.read().body] for each in page.get("messages", []) if "choices" in each]
        found = next(each for each in shown[-1]["choices"] if each["title"].startswith(begins))
        return self.write(found["title"], choice=found["choice"])

    def read(self, after: str = "") -> Answer:
        """Read what was answered since a cursor."""
        return self.post("/messages", {"schema": "chat.read/1", "after": after})

    def shown(self) -> Iterator[tuple[str, datetime]]:
        """Yield all that the page would show of the company's, from the beginning: the words and when."""
        cursor = ""
        while found := (page := self.read(cursor).body).get("messages"):
            for each in found:
                yield each["text"], datetime.fromtimestamp(each["at"], UTC)
            cursor = page["cursor"]

    def post(self, path: str, content: object) -> Answer:
        """Post any content."""
        address = urlsplit(self.endpoint)
        headers = {"origin": self.origin, "content-type": "application/json", "referer": f"{self.origin}/"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        line = http.client.HTTPConnection(address.netloc, timeout=30)
        try:
            line.request("POST", address.path + path, json.dumps(content).encode(), headers)
            answer = line.getresponse()
            text = answer.read()
            found = json.loads(text) if text else {}
            return Answer(answer.status, found if isinstance(found, dict) else {})
        finally:
            line.close()


def message(text: str, number: str = "", **more: Any) -> dict[str, Any]:
    """Return a message as the widget posts it."""
    return {"schema": "chat.message/1", "id": number or str(uuid.uuid4()), "message": text, "waited": 0, **more}
