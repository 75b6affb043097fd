"""Northwind's contact form: the page, and the captcha on it. Answers go by mail, which the embedded AWS keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deskwire.verification.captcha import PLAYED_ORIGIN
from sandbox.neighbours.captcha import HOSTS, Captchas, Site
from sandbox.neighbours.neighbour import Clock, free_port
from sandbox.neighbours.platform import Platform, Spoken
from sandbox.neighbours.sender import Route
from sandbox.northwind.offices import SUVA
from sandbox.platforms.webform.played import Shop

FORM = "contact"
ENDPOINT = "contact-form"
SITEKEY = "1x00000000000000000000AA"
SECRET = {"captcha_secret": "demo-captcha-secret-0a4b"}
CONSENT = "I agree that Northwind calls me about this message."
PAGE = (30.0, 60.0, 120.0)  # seconds after which a visitor's page tries again by itself


class OnOurSite(Platform):
    """The shop's page; its captcha is what plays a vendor."""

    channels = ("webform",)
    player: Captchas

    def __init__(self, clock: Clock) -> None:
        """Play the captcha; the page's address is known before it listens, for the form's origins."""
        self.player = Captchas(Site(SITEKEY, SECRET["captcha_secret"]), clock=clock)
        self.shop: Shop
        self._port = free_port()
        self._origins = (PLAYED_ORIGIN, f"http://127.0.0.1:{self._port}")

    def open(self, children: contextlib.ExitStack, api: str, aws: str) -> None:
        address, captcha = f"{api}/pages/{ENDPOINT}", self.player.address
        self.shop = children.enter_context(
            Shop(address, captcha, SITEKEY, form=FORM, uploads=aws, consent=CONSENT, port=self._port)
        )

    @property
    def hosts(self) -> Mapping[str, str]:
        return dict.fromkeys(HOSTS, self.player.address)

    @property
    def secrets(self) -> Mapping[str, Mapping[str, Any]]:
        return {"turnstile": SECRET}

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        settings = {
            "origins": " ".join(self._origins),
            "captcha": "turnstile",
            "address_rate": "5000",  # here everybody has the same address
            "form_rate": "5000",
            "callback_consent": CONSENT,
            "callback_region": "IS",
            "callback_zone": "Atlantic/Reykjavik",
        }
        form = {
            "channel": "webform", "account": FORM, "endpoint": ENDPOINT, "policy": SUVA,
            "settings": {"sender": "Northwind <help@northwind.example>"},
        }  # fmt: skip
        return {
            "endpoints": {ENDPOINT: {"channels": ["webform"], "secret": "turnstile", "settings": settings}},
            "connections": {"contact": form},
        }

    @property
    def origins(self) -> Sequence[str]:
        return self._origins

    def routes(self) -> Mapping[str, Route]:
        return {"webform": Route.of_channel("webform", ENDPOINT, SECRET, schedule=PAGE)}

    def spoken(self) -> Iterator[Spoken]:
        yield from ()  # all of it by mail

    @property
    def pages(self) -> Sequence[tuple[str, str]]:
        return [("The contact form", f"{self.shop.address}/contact")]
