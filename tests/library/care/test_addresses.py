"""Whom no automatic answer is for."""

import pytest

from deskwire.care.addresses import bare, mailbox, no_person

MACHINES = (
    "listserv@lists.example", "majordomo@lists.example",
    "MAILER-DAEMON@customer.example", "mailer-daemon+x@customer.example", "postmaster@customer.example",
    "noreply@customer.example", "no-reply@customer.example", "no_reply@customer.example",
    "do.not.reply@customer.example",
    "bounces@customer.example", "bounce-17-x@customer.example", "owner-list@customer.example",
    "list-request@customer.example", "<>", "", "@customer.example", "nobody@customer.example",
)  # fmt: skip
PEOPLE = (
    "anna@customer.example", "norbert.reply@customer.example", "postmaster.anna@customer.example",
    "daemon@customer.example", "request@customer.example", "Anna <anna@customer.example>",
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "one"),
    [
        ("Vera+shop@Customer.example", "vera@customer.example"),
        ("Vera <vera@customer.example>", "vera@customer.example"),
        ("+x@customer.example", "+x@customer.example"), ("no address", "no address"),
    ],
)  # fmt: skip
def test_spellings_of_a_mailbox_are_one(address, one):
    assert mailbox(address) == one


@pytest.mark.parametrize("address", MACHINES)
def test_a_machine_s_address_is_no_person_s(address):
    assert no_person(address)


@pytest.mark.parametrize("address", PEOPLE)
def test_a_person_s_address_is_one(address):
    assert not no_person(address)


def test_our_own_addresses_are_no_person_s_in_whatever_spelling():
    assert no_person("Help@Northwind.example", {"Northwind <help@northwind.example>"})
    assert not no_person("help@elsewhere.example", {"Northwind <help@northwind.example>"})


@pytest.mark.parametrize(("given", "expected"), [("A <B@x.example> ", "b@x.example"), (" b@X.example", "b@x.example")])
def test_the_address_alone_is_compared(given, expected):
    assert bare(given) == expected
