"""What people see: an agent the ticket, a visitor the form, who plays with the sandbox its page."""

import re
import time

import pytest

from sandbox.northwind.offices import REYKJAVIK
from sandbox.page.server import Page
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


@pytest.fixture(scope="module")
def played(company):
    with Page(company, port=0) as played:
        yield played


@pytest.fixture
def sandbox(played, page):
    page.goto(played.address)
    page.get_by_text("live", exact=True).wait_for()
    yield page
    for each in played.switches.all:
        if not each.real:
            played.switches.turn(each.id, on=False)


def begin(page, way, text, name="Marta Lindqvist"):
    page.get_by_label("Where").select_option(label=way)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send").first.click()
    page.locator("#cards").get_by_text(text).wait_for(timeout=30_000)


def step(page, words):
    page.locator("#cards .steps").get_by_text(re.compile(words)).first.wait_for(timeout=120_000)


def switch_on(page, name):
    """Switch a misfortune on, and wait until the server knows: what is done next must meet it."""
    with page.expect_response(lambda answer: answer.url.endswith("/switch")):
        page.get_by_role("switch", name=re.compile(name)).check()


def answer(page, text):
    page.get_by_label(re.compile("Answer as an agent")).fill(text)
    page.get_by_role("button", name="Answer").click()


def test_a_message_is_followed_from_the_webhook_to_the_ticket_and_the_answer_back(sandbox):
    begin(sandbox, "Messenger: private message", "Where is NW-70010?")
    for words in ("webhook answered 200", "recorded", "filed in ticket"):
        step(sandbox, words)
    sandbox.locator(".card.acknowledgement").get_by_text("Thank you for writing").wait_for()
    answer(sandbox, "NW-70010 leaves today.")
    step(sandbox, "the customer has it")
    sandbox.get_by_label("Write on as the customer").fill("Thank you, NW-70011")
    sandbox.get_by_role("button", name="Send").last.click()
    sandbox.locator(".card.customer").nth(1).get_by_text("filed in ticket").wait_for(timeout=60_000)
    assert sandbox.locator(".card").count() == 4
    assert sandbox.wrong == []


def test_what_waits_while_the_helpdesk_is_down_is_filed_once_it_is_back(sandbox):
    down = sandbox.get_by_role("switch", name=re.compile("Helpdesk down"))
    down.check()
    begin(sandbox, "WhatsApp: message", "Where is NW-70012?")
    sandbox.locator("#how").get_by_text("waits, next at").wait_for(timeout=60_000)
    sandbox.locator(".card.acknowledgement").wait_for()  # told all the same
    down.uncheck()
    filed = sandbox.locator("#cards .steps").get_by_text(re.compile("filed in ticket"))
    for _ in range(40):  # what waits has its pause, and nothing but a sweep wakes it
        sandbox.get_by_role("button", name="Sweep now").click()
        if filed.count():
            break
        sandbox.wait_for_timeout(1000)
    filed.wait_for(timeout=30_000)


def test_an_answer_after_the_window_is_refused_by_the_platform_and_the_agent_reads_why(sandbox):
    begin(sandbox, "WhatsApp: message", "Where is NW-70013?")
    step(sandbox, "filed in ticket")
    switch_on(sandbox, "Reply window over")
    answer(sandbox, "NW-70013 left two weeks ago.")
    step(sandbox, "not sent: .*24 hours have passed")
    sandbox.locator(".card.note").get_by_text("NOT delivered").wait_for(timeout=60_000)


def test_a_worker_is_killed_in_the_middle_of_its_turn(company, sandbox):
    before = company.stack.killed()
    switch_on(sandbox, "Kill a worker")
    begin(sandbox, "Viber: message", "Where is NW-70014?")
    sandbox.locator(".card.machine").get_by_text("killed in the middle").wait_for(timeout=60_000)
    assert company.stack.killed() - before == {"converse": 1}
    sandbox.get_by_role("switch", name=re.compile("Kill a worker"), checked=False).wait_for()


def test_the_form_and_the_chat_work_below_the_one_address(played, sandbox):
    outside = []
    sandbox.context.on("request", lambda asked: outside.append(asked.url))
    for link, name in (("The contact form", "Send"), ("The site with the chat", "Chat with us")):
        with sandbox.expect_popup() as popup:
            sandbox.get_by_role("link", name=link).click()
        page = popup.value
        if name == "Send":
            page.get_by_text("played captcha").wait_for()
            page.locator("[name=email]").fill("oona@example.com")
            page.locator("[name=message]").fill("NW-70015 by the form")
            page.locator("button").first.click()
            page.get_by_text(re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}")).wait_for(timeout=30_000)
        else:
            page.get_by_role("button", name=name).click()
            page.get_by_role("textbox").fill("NW-70016 by the chat")
            page.get_by_role("textbox").press("Enter")
            page.get_by_role("log").get_by_text("Thank you for writing").wait_for(timeout=30_000)
        page.close()
    for words in ("NW-70015 by the form", "NW-70016 by the chat"):
        sandbox.locator("#list").get_by_text(words).wait_for()
    assert {url for url in outside if not url.startswith(played.address)} == set()
