"""What people see: an agent the ticket, a visitor the form."""

import re
import time

import pytest

from sandbox.northwind.offices import REYKJAVIK
from sandbox.platforms.meta.books import PAGES, OnMeta
from sandbox.platforms.webform.books import CONSENT, OnOurSite

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("browser")]

ARABIC = "أين طردي؟ رقم الطلب NW-70001 ولم يصل"
HTML = "<img src=x onerror=alert(1)> NW-70002"


def ticket_with(company, marker):
    until = time.monotonic() + 90
    while time.monotonic() < until:
        for ticket in company.desk.tickets():
            if any(marker in comment.text for comment in ticket.comments):
                return ticket
        time.sleep(0.3)
    pytest.fail(f"no ticket with {marker}; the log is {company.stack.log_file}")
    return None


def write(company, text):
    meta = company.platform(OnMeta).player
    told = meta.writes(meta.person("ليلى حداد"), PAGES[REYKJAVIK], text)
    company.sender.together(company.routes["meta"], [told.entry])


def test_arabic_runs_from_right_to_left_on_the_agents_page(company, page):
    write(company, ARABIC)
    ticket = ticket_with(company, "NW-70001")
    page.goto(f"{company.desk.page}/{ticket.id}")
    words = page.get_by_text("أين طردي").last
    assert words.inner_text().startswith(ARABIC)
    assert words.evaluate("node => getComputedStyle(node).direction") == "rtl"


def test_a_customers_markup_is_words_on_the_agents_page(company, page):
    write(company, HTML)
    ticket = ticket_with(company, "NW-70002")
    page.goto(f"{company.desk.page}/{ticket.id}")
    assert page.locator("article").first.inner_text().count(HTML) == 1
    assert page.locator("article img").count() == 0


def test_a_visitor_fills_in_the_form_and_is_shown_the_reference(company, page):
    page.goto(f"{company.platform(OnOurSite).shop.address}/contact")
    page.get_by_text("played captcha").wait_for()
    page.locator("[name=email]").fill("oona@example.com")
    page.locator("[name=message]").fill("The zip broke, NW-70003")
    page.locator("button").first.click()
    reference = page.get_by_text(re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}"))
    reference.wait_for(timeout=30_000)
    shown = re.search(r"[0-9A-Z]{5}-[0-9A-Z]{5}", reference.inner_text())[0]
    ticket = ticket_with(company, "NW-70003")
    assert shown in ticket.comments[0].text
    assert page.wrong == []


def test_a_visitor_asks_to_be_called_and_the_agent_reads_number_and_consent(company, page):
    page.goto(f"{company.platform(OnOurSite).shop.address}/contact")
    page.get_by_text("played captcha").wait_for()
    assert page.locator("[name=phone]").is_disabled()  # so that no browser fills it in for who wants no call
    page.locator("[name=email]").fill("oona@example.com")
    page.locator("[name=message]").fill("The zip broke, NW-70004")
    page.locator("[name=consent]").check()
    page.locator("[name=phone]").fill("12")
    page.locator("button").first.click()
    page.get_by_text("phone is not a telephone number").wait_for()
    page.locator("[name=phone]").fill("555 0123")
    page.locator("button").first.click()
    page.get_by_text(re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}")).wait_for()
    words = ticket_with(company, "NW-70004").comments[0].text
    assert "Telephone: +354 555 0123 (IS)" in words
    assert CONSENT in words
    assert page.wrong == []
