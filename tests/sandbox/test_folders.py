"""Platforms and helpdesks are found by their folders; what plays the company names none of them."""

import re
from pathlib import Path

import pytest

from deskwire import registry
from sandbox import platforms
from sandbox.neighbours import desk, platform
from sandbox.neighbours.neighbour import Clock
from sandbox.northwind.scenes import Scenes

NORTHWIND = Path(__file__).parents[2] / "sandbox" / "northwind"
WORDS = {"x", "email", "generic"}  # names that are words as well
NAMES = {*registry.channel_names(), *registry.helpdesk_names(), *platform.kinds(), *desk.kinds()} - WORDS
VENDORS = re.compile(rf"\b({'|'.join(sorted(NAMES))})\b", re.IGNORECASE)
SOAK = {"flood.py", "soak.py", "misfortunes.py"}  # they measure the pace of one helpdesk, the played Zendesk
COMPANY = sorted(file for file in NORTHWIND.glob("*.py") if file.name not in SOAK)
COMPANY += sorted(file for file in (NORTHWIND.parent / "page").iterdir() if file.suffix in {".py", ".html"})


def test_every_channel_and_every_helpdesk_is_played():
    played = [channel for kind in platform.kinds().values() for channel in kind.channels]
    assert sorted(played) == sorted(registry.channel_names())
    assert sorted(desk.kinds()) == sorted(registry.helpdesk_names())


@pytest.mark.parametrize(
    ("said", "folder"),
    [
        ("rt", "requesttracker"),
        ("django-helpdesk", "djangohelpdesk"),
        ("BottleCRM", "bottlecrm"),
        ("-", "-"),
        ("otrs", "otrs"),
    ],
)
def test_a_helpdesk_is_found_by_what_people_call_it(said, folder):
    assert desk.named(said) == folder


def test_every_platform_has_scenes():
    assert platform.found(platforms, "scenes", Scenes).keys() == platform.kinds().keys()


def test_a_person_can_write_on_every_channel_from_the_page():
    marks = [
        getattr(getattr(kind, name), "way", None)
        for kind in platform.found(platforms, "scenes", Scenes).values()
        for name in dir(kind)
    ]
    assert {mark[0] for mark in marks if mark} == set(registry.channel_names())


@pytest.mark.parametrize("file", COMPANY, ids=lambda file: file.name)
def test_the_company_names_no_vendor(file):
    code = re.sub(r'^""".*?^"""', "", file.read_text(), count=1, flags=re.DOTALL | re.MULTILINE)  # its docstring may
    assert not VENDORS.findall(code.replace("<meta ", ""))


@pytest.mark.parametrize("name", platform.kinds())
def test_what_a_platform_configures_fits_together(name):
    """Its connections use its endpoints and its secrets; nobody else's are needed."""
    made = platform.kinds()[name](Clock())
    endpoints, connections = made.rules["endpoints"], made.rules["connections"]
    assert {channel for each in endpoints.values() for channel in each["channels"]} == set(made.channels)
    for each in connections.values():
        assert each["channel"] in endpoints[each["endpoint"]]["channels"]
    named = {each["secret"] for each in (*endpoints.values(), *connections.values()) if "secret" in each}
    assert named == made.secrets.keys()
