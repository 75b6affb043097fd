"""Shows the neighbours' own pages below the page's address: `/at/<name>/…` is passed on, and addresses are rewritten.

A browser then needs one port. The site's forms post to the deployed API through here too, with the origin that the site
has at its own address, for that is what its connection allows.
"""

from __future__ import annotations

import http.client
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sandbox.neighbours.neighbour import Asked, Reply

BEFORE = "/at/"
AWS = "aws"
OPEN = ("/_aws/execute-api/", "/_ministack/ses/messages")  # of the embedded AWS; uploads apart
OWN_PATH = re.compile(r"""\b((?:href|src|action)=["'])/(?!/)""")
TEXTS = ("text/html", "text/javascript", "application/json", "text/css")
HOPS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server", "host", "accept-encoding"}
PATIENCE = 60  # seconds


@dataclass(slots=True)
class Front:
    """Passes requests on. `places` are the neighbours' addresses by name, `bucket` is where uploads go."""

    bucket: str
    places: dict[str, str] = field(default_factory=dict)

    def shown(self, address: str, name: str) -> str:
        """Return where a person finds an address of a neighbour of this name."""
        parts = urlsplit(address)
        base = f"{parts.scheme}://{parts.netloc}"
        known = next((each for each, place in self.places.items() if place == base), "")
        if not known:
            names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
            known = next(each for each in names if each not in self.places)
            self.places[known] = base
        return f"{BEFORE}{known}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")

    def pass_on(self, asked: Asked, query: str) -> Reply:
        """Return the neighbour's answer, its addresses rewritten. What is no place, or fails, is said in words."""
        name, _, rest = asked.path.removeprefix(BEFORE).partition("/")
        base, path = self.places.get(name), f"/{rest}"
        if base is None or (name == AWS and not path.startswith(OPEN) and path.rstrip("/") != f"/{self.bucket}"):
            return Reply.json(404, {"error": "nothing is shown at this address"})
        own = f"http://{asked.header('host')}"
        line = http.client.HTTPConnection(urlsplit(base).netloc, timeout=PATIENCE)
        try:
            headers = self._there(asked, base, own)
            line.request(asked.method, path + (f"?{query}" if query else ""), asked.body or None, headers)
            answer = line.getresponse()
            body = answer.read()
            return self._here(answer.status, dict(answer.headers.items()), body, name, own)
        except (OSError, http.client.HTTPException) as error:
            return Reply.json(502, {"error": f"this neighbour does not answer now ({type(error).__name__})"})
        finally:
            line.close()

    def _there(self, asked: Asked, base: str, own: str) -> dict[str, str]:
        """Return the headers as the neighbour's own page would send them."""
        headers = {name: text for name, text in asked.headers.items() if name not in HOPS}
        page = headers.get("referer", "").removeprefix(own)
        site = self.places.get(page.removeprefix(BEFORE).partition("/")[0], base) if page.startswith(BEFORE) else base
        if "origin" in headers or site != base:  # a browser names the origin to any other one
            headers["origin"] = site
        if page.startswith(BEFORE):
            headers["referer"] = f"{site}/{page.removeprefix(BEFORE).partition('/')[2]}"
        return headers

    def _here(self, status: int, given: Mapping[str, str], body: bytes, name: str, own: str) -> Reply:
        headers = {each.lower(): text for each, text in given.items() if each.lower() not in HOPS}
        if "location" in headers:
            headers["location"] = self._rewritten(re.sub(r"^/(?!/)", f"{BEFORE}{name}/", headers["location"]), own)
        if "content-security-policy" in headers:
            for base in self.places.values():
                headers["content-security-policy"] = headers["content-security-policy"].replace(base, "'self'")
        if headers.get("content-type", "").startswith(TEXTS):
            text = self._rewritten(body.decode("utf-8", "replace"), own)
            if "html" in headers["content-type"]:
                text = OWN_PATH.sub(rf"\g<1>{BEFORE}{name}/", text)
            body = text.encode()
        return Reply(status, body, headers)

    def _rewritten(self, text: str, own: str) -> str:
        for name, base in self.places.items():
            text = text.replace(base, f"{own}{BEFORE}{name}")
        return text
