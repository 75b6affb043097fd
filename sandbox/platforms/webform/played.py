"""A shop's contact page on loopback, for a browser, and a visitor who fills it in without one."""

from __future__ import annotations

import html
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from sandbox.neighbours.neighbour import Asked, Neighbour, Reply, route
from sandbox.platforms.webform.visitor import Answer, Visitor

__all__ = ["Answer", "Shop", "Visitor"]

HERE = Path(__file__).parent


class Shop(Neighbour):
    """The page at `/contact`. It is what a company puts on its own site: plain HTML and `form.js`."""

    name: ClassVar[str] = "shop"

    def __init__(
        self,
        endpoint: str,
        captcha: str,
        sitekey: str,
        *,
        form: str = "contact",
        uploads: str = "",
        consent: str = "Call me.",
        port: int = 0,
    ) -> None:
        """Post to `endpoint`; `captcha` is the provider's address, `uploads` the bucket's (for its CSP).

        `consent` are the words beside the box that a visitor ticks to be called.
        """
        super().__init__(port=port)
        self._values = {
            "ENDPOINT": endpoint, "CAPTCHA": captcha, "SITEKEY": sitekey, "FORM": form, "CONSENT": consent,
        }  # fmt: skip
        self._origins = [
            f"{part.scheme}://{part.netloc}" for part in map(urlsplit, (endpoint, captcha, uploads)) if part.netloc
        ]

    def authorize(self, asked: Asked) -> Reply | None:
        """Let anybody read the page."""
        del asked
        return None

    @route("GET", "/contact")
    def contact(self, asked: Asked) -> Reply:
        """Return the page."""
        del asked
        page = (HERE / "contact.html").read_text(encoding="utf-8")
        for name, value in self._values.items():
            page = page.replace(f"@{name}@", html.escape(value))
        allowed = " ".join(self._origins)
        policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'self' {allowed}; connect-src {allowed}"
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
        return Reply(200, page.encode(), headers)

    @route("GET", "/form.js")
    def script(self, asked: Asked) -> Reply:
        """Return the page's script."""
        del asked
        return Reply(200, (HERE / "form.js").read_bytes(), {"content-type": "text/javascript; charset=utf-8"})
