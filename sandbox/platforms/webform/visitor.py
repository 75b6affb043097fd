"""A visitor who posts the form as the page's script does, without a browser."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from deskwire.verification.captcha import PROVIDERS


class Solves(Protocol):
    """Makes a captcha's token: `sandbox.captcha.Captchas`."""

    def solve(self, sitekey: str, hostname: str, action: str = "contact") -> str:
        """Return a token for a page on that host."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page's script sees."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(slots=True, kw_only=True)
class Visitor:
    """One person on a page of `origin`, whose form posts to `endpoint` (…/pages/{endpoint})."""

    endpoint: str
    captchas: Solves
    sitekey: str
    origin: str = "https://shop.example.org"
    form: str = "contact"
    provider: str = "turnstile"
    answers: list[Answer] = field(default_factory=list)

    def write(self, message: str, *, email: str, submission: str = "", **more: Any) -> Answer:
        """Send the form (with `more` of its fields); a `submission` given again is a repeated post."""
        return self.post(
            {
                "schema": "form.submitted/1",
                "form_id": self.form,
                "submission_id": submission or str(uuid.uuid4()),
                "email": email,
                "message": message,
                "leave_empty": "",
                "page_url": f"{self.origin}/contact",
                **more,
            }
        )

    def upload(self, name: str, kind: str, data: bytes) -> dict[str, str]:
        """Send a file, and return what names it in the form's `uploads`."""
        wanted = {"schema": "upload.requested/1", "form_id": self.form, "name": name, "type": kind, "size": len(data)}
        place = self.post(wanted, "/uploads")
        if place.status != 201:
            raise ValueError(f"the upload was answered {place.status}")
        parts = [(field, value.encode()) for field, value in place.body["fields"].items()] + [("file", data)]
        boundary = uuid.uuid4().hex
        body = b"".join(
            f'--{boundary}\r\ncontent-disposition: form-data; name="{part}"'.encode()
            + (b'; filename="file"' if part == "file" else b"")
            + b"\r\n\r\n"
            + value
            + b"\r\n"
            for part, value in parts
        )
        headers = {"content-type": f"multipart/form-data; boundary={boundary}", "origin": self.origin}
        answer = _asked("POST", place.body["url"], headers, body + f"--{boundary}--\r\n".encode())
        if not 200 <= answer.status < 300:
            raise ValueError(f"the bucket answered {answer.status}")
        return {"id": place.body["id"], "name": name, "type": kind}

    def post(self, content: Mapping[str, Any], path: str = "") -> Answer:
        """Send any content, with a fresh token."""
        host = urlsplit(self.origin).hostname or ""
        token = {PROVIDERS[self.provider].field: self.captchas.solve(self.sitekey, host)}
        return self.raw(json.dumps({**content, **token}, ensure_ascii=False).encode(), path=path)

    def raw(self, body: bytes, *, path: str = "", kind: str = "application/json") -> Answer:
        """Send these bytes."""
        headers = {"origin": self.origin, "content-type": kind, "referer": f"{self.origin}/contact"}
        self.answers.append(_asked("POST", self.endpoint + path, headers, body))
        return self.answers[-1]

    def preflight(self) -> Answer:
        """Ask as a browser does before it posts."""
        wanted = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
        return _asked("OPTIONS", self.endpoint, {"origin": self.origin, **wanted}, b"")


def _asked(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.netloc, timeout=30)
    try:
        target = address.path + (f"?{address.query}" if address.query else "")
        connection.request(method, target or "/", body=body, headers=dict(headers))
        answer = connection.getresponse()
        text = answer.read()
        found = {name.lower(): value for name, value in answer.headers.items()}
        is_json = "json" in found.get("content-type", "")
        return Answer(answer.status, found, json.loads(text) if is_json and text else text.decode(errors="replace"))
    finally:
        connection.close()
