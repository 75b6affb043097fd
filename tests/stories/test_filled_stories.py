"""A Zendesk with brands, forms and required fields: what a ticket gets, and what happens where one of them is wrong."""

import json
from datetime import timedelta

import pytest

from deskwire.care.policy import Policy
from deskwire.configuration import INDEX_KEY, Connection, HelpdeskConnection, item
from deskwire.ports import Put
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.neighbour import Clock
from tests.stories.conftest import PAGE, POLICY, SECRETS, START, Company

PRAISE = "Thank you so much, your team is amazing and so helpful!"
PRODUCT = 4410023


@pytest.fixture
def company():
    """The company: two brands with a form each, the second page's tickets go to the second; praise is solved."""
    thanks = {"thanks": {"private": {"en": "Thank YOU!"}}, "praise": {"ticket": "solved"}}
    clock = Clock(START, held=True)
    with Zendesk(clock) as zendesk:
        company = Company(clock, zendesk, {**POLICY, "judging": thanks})
        records = zendesk.account.records
        records.ticket_field(PRODUCT, "Product", "tagger", options=("coffee", "tea"))
        for number, name in ((71, "Northwind Coffee"), (72, "Northwind Tea")):
            records.named("brands", number, name)
            records.form(number - 20, PRODUCT, restricted_brand_ids=[number], in_all_brands=False)
        settled(company, brand="71", form="51", values="4410023=coffee")
        page = Connection(
            name="tea", channel="messenger", account="410000000000002", endpoint="meta", secret="page", helpdesk="acme",
            fields={"brand": "72", "form": "52", str(PRODUCT): "tea"}, policy=Policy.model_validate(POLICY),
        )  # fmt: skip
        company.table.put(Put(item(page)))
        yield company
        company.close()


def settled(company, **settings):
    """Give the helpdesk these settings."""
    known = next(each for each in company.definitions if isinstance(each, HelpdeskConnection))
    company.table.put(Put(item(known.model_copy(update={"settings": known.settings | settings}))))
    company.clock.advance(timedelta(minutes=10).total_seconds())  # what the directory keeps is read again


def written(company, text, page=PAGE):
    """Let a customer write; return their newest ticket."""
    company.deliver(company.message(text, page=page))
    company.work()
    return company.zendesk.tickets[-1] if company.zendesk.tickets else None


def test_a_connection_s_tickets_get_their_own_brand_form_and_values(company):
    coffee, tea = (written(company, "Where is my parcel?", page) for page in (PAGE, "410000000000002"))
    assert (coffee.brand_id, coffee.ticket_form_id, coffee.custom_fields) == (71, 51, {PRODUCT: "coffee"})
    assert (tea.brand_id, tea.ticket_form_id, tea.custom_fields) == (72, 52, {PRODUCT: "tea"})


def test_a_ticket_whose_form_is_gone_is_opened_without_it_and_says_so(company):
    del company.zendesk.account.records.ticket_forms[51]
    ticket = written(company, "Where is my parcel?")
    assert ticket.ticket_form_id is None
    said = "Zendesk does not take what is set for form: `deskwire plan` says more"
    assert any(said in line for line in company.lines)
    assert any(said in each.words and not each.public for each in company.zendesk.comments(ticket.id))
    assert set(company.outcomes().values()) == {"filed"}
    settled(company, form="52", brand="72")
    assert written(company, "And another one", "410000000000002").ticket_form_id == 52


def test_praise_is_solved_where_the_required_field_is_filled(company):
    company.zendesk.account.records.ticket_fields[PRODUCT]["required"] = True
    assert written(company, PRAISE).status == "solved"


def test_a_ticket_that_lacks_a_required_field_stays_open_with_a_note_that_names_it(company):
    company.zendesk.account.records.ticket_field(4410029, "Order", required=True)
    company.zendesk.account.records.ticket_forms[51]["ticket_field_ids"].append(4410029)
    ticket = written(company, PRAISE)
    assert ticket.status in {"new", "open"}
    note = company.zendesk.comments(ticket.id)[-1]
    assert not note.public
    assert "This ticket was to be solved, and could NOT be." in note.words
    assert "without a value in “Order” (4410029): give one in the setting “values”" in note.words
    assert [each["message"]["text"] for each in company.graph.sent] == ["Thank YOU!"]
    assert set(company.outcomes().values()) == {"filed"}
    written(company, "And where is my parcel?")
    assert len(company.zendesk.tickets) == 1
    assert company.zendesk.comments(ticket.id)[-1].words.startswith("And where is my parcel?")


def test_a_brand_of_one_connection_that_is_gone_is_named_within_the_hour(company, monkeypatch):
    monkeypatch.setitem(SECRETS, "endpoints/zendesk", SECRETS["zendesk"])
    keys = [list(key) for key in company.table.items if key[1] in {"HELPDESK", "CONNECTION"}]
    company.table.put(Put({"pk": INDEX_KEY[0], "sk": INDEX_KEY[1], "keys": keys}))
    company.zendesk.account.records.brands.pop(72)
    company.lines.clear()
    for _ in range(60):
        company.later(timedelta(minutes=1).total_seconds())
    lines = [json.loads(line) for line in company.lines]
    broken = [each["reason"] for each in lines if each.get("message") == "a registration is broken"]
    (said,) = [each for each in broken if "brand" in each]
    assert said.startswith("the brand 72: missing: take another `brand` from Admin Center")
