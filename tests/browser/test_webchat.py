"""The chat's widget in a real browser: on a page with a strict policy, over receive and converse in this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deskwire.model.choices import Choice, Offer, question_of
from deskwire.model.keys import compose
from deskwire.ports.outbox import TableOutbox
from deskwire.verification.session import TOKEN
from deskwire.web.request import Request
from sandbox.helpdesks.zendesk.played import Zendesk
from sandbox.neighbours.gateway import gateway_event
from sandbox.neighbours.neighbour import Clock, Neighbour, Reply, route
from sandbox.platforms.webchat.played import Site
from tests.stories.conftest import SECRETS, Company
from tests.stories.test_webchat_stories import CLOSED, Chat

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PICTURES = os.environ.get("DESKWIRE_PICTURES", "")  # a folder in which to leave what the browser showed


class Api(Neighbour):
    """API Gateway, the functions and the bucket in one; every message is worked on before it is answered."""

    def __init__(self, chat):
        super().__init__()
        self.chat, self.company, self.posted = chat, chat.company, []

    def authorize(self, asked):
        return None

    @route("POST", "/pages/{endpoint}")
    @route("OPTIONS", "/pages/{endpoint}")
    @route("POST", "/pages/{endpoint}/{action}")
    @route("OPTIONS", "/pages/{endpoint}/{action}")
    def receive(self, asked, endpoint, action=""):
        request = Request(
            method=asked.method, endpoint=endpoint, action=action, headers=asked.headers, body=asked.body,
            source="203.0.113.7", received_at=self.company.now(),
        )  # fmt: skip
        answer = self.company.receiver.handle(gateway_event(request, side="pages"))
        if asked.method == "POST":
            self.posted.append((action or "message", answer["statusCode"]))
        self.company.work()
        return Reply(answer["statusCode"], answer["body"].encode(), answer["headers"])

    @route("POST", "/bucket")
    def store(self, asked):
        key = asked.body.split(b'name="key"\r\n\r\n')[1].split(b"\r\n")[0].decode()
        self.company.archive.keep(key, b"zip")
        return Reply(204, headers={"access-control-allow-origin": asked.header("origin")})


@pytest.fixture(scope="module")
def served():
    """One company, API and site for the module; each test is another visitor."""
    SECRETS["chat"] = {"session_secret": "invented-session-secret"}
    clock = Clock()
    with Zendesk(clock) as zendesk, Site() as site:
        company = Company(clock, zendesk)
        chat = Chat(company)
        chat.settings = {"origins": site.origin}
        chat.configure()
        chat.configure("away", **CLOSED)
        with Api(chat) as api:
            site.endpoint = f"{api.address}/pages/chat"
            site.uploads = f"{api.address}/bucket"
            presign = {"url": site.uploads}
            object.__setattr__(company.receiver, "presign", lambda key, kind, size: presign | {"fields": {"key": key}})
            yield api, site
        company.close()
    del SECRETS["chat"]


@pytest.fixture
def visit(browser, served):
    """Open the site in another browser's profile; the pages of one call to `visit` share theirs."""
    opened = []

    def visit(*, language="en", chat="website", **options):
        context = browser.new_context(viewport={"width": 900, "height": 700}, **options)
        opened.append(context)
        return another(context, language, chat)

    def another(context, language="en", chat="website"):
        page = context.new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda line: page.wrong.append(line.text) if "Content Security" in line.text else None)
        page.goto(f"{served[1].origin}/chat?language={language}&chat={chat}")
        return page

    visit.another = another
    yield visit
    for context in opened:
        context.close()


def pictured(page, name):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def log(page):
    return page.get_by_role("log")


def said(page, text):
    log(page).get_by_text(text).last.wait_for(timeout=30_000)


def answers(served, page, text, *, automatic=False, closed=False, offers=()):
    """Put an answer into the visitor's outbox, as converse does."""
    company = served[0].company
    stored = page.evaluate("Object.entries(localStorage).find(([name]) => name.startsWith('deskwire-chat'))[1]")
    visitor = TOKEN.search(stored)["visitor"]
    with served[0].lock:
        outbox = TableOutbox(company.table, company.now)
        outbox.put(
            compose("webchat", "website", visitor), text, text, automatic=automatic, closed=closed, offers=offers
        )


def test_a_visitor_chats_by_the_keyboard_alone(served, visit):
    before = len(served[0].posted)
    page = visit()
    page.keyboard.press("Tab")  # the page's own link
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "launcher"
    page.keyboard.press("Enter")
    assert len(served[0].posted) == before, "who only looks asks nothing of the company"
    page.keyboard.type("Do you have tents?")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("For two.")
    page.keyboard.press("Enter")
    said(page, "Thank you, we have it")
    assert "Do you have tents?\nFor two." in served[0].company.comments()[-1]
    answers(served, page, "Yes, see https://shop.example.org/tents.")
    said(page, "Yes, see")
    assert page.get_by_role("link", name="https://shop.example.org/tents").get_attribute("rel").startswith("noopener")
    pictured(page, "light")
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "launcher"
    answers(served, page, "And one for four.")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # looks at once
    page.get_by_role("status").get_by_text("New messages: 1").wait_for(state="attached", timeout=30_000)
    pictured(page, "closed")
    page.keyboard.press("Enter")
    said(page, "And one for four.")
    for _ in range(3):  # by the files and the link back to the conversation, which scrolls by the keyboard
        page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.getAttribute('role')") == "log"
    page.reload()
    said(page, "And one for four.")
    assert log(page).get_by_text("Do you have tents?").count() == 1
    assert page.wrong == []


def test_arabic_runs_from_right_to_left_on_a_telephone(served, visit):
    page = visit(language="ar", color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 640})
    box = page.get_by_role("button", name="تحدث معنا").bounding_box()
    assert box["x"] < 100, "the button is at the end of the line"
    page.get_by_role("button", name="تحدث معنا").click()
    area = page.get_by_role("textbox", name="اكتب رسالة")
    area.fill("أين طردي؟ NW-70001")
    area.press("Enter")
    said(page, "Thank you, we have it")
    for text, direction in (("أين طردي؟", "rtl"), ("Thank you, we have it", "ltr")):
        words = log(page).get_by_text(text)
        assert words.evaluate("node => getComputedStyle(node).direction") == direction
    panel = page.get_by_role("dialog").bounding_box()
    assert (panel["x"], panel["y"], panel["width"], panel["height"]) == (0, 0, 360, 640)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    pictured(page, "arabic-dark-telephone")
    assert page.wrong == []


def test_dark_mode_is_dark_and_can_be_read(served, visit):
    page = visit(color_scheme="dark")
    page.get_by_role("button", name="Chat with us").click()
    page.get_by_role("textbox").fill("Good evening")
    page.get_by_role("textbox").press("Enter")
    said(page, "Thank you, we have it")
    looked_at = page.get_by_role("dialog"), log(page).get_by_text("Good evening"), page.get_by_role("heading", level=2)
    assert min(node.evaluate(CONTRAST) for node in looked_at) >= 4.5
    back = page.get_by_role("dialog").evaluate("node => getComputedStyle(node).backgroundColor")
    assert max(map(int, back[4:-1].split(","))) < 60
    pictured(page, "dark")
    page.emulate_media(color_scheme="light")
    assert min(node.evaluate(CONTRAST) for node in looked_at) >= 4.5


CONTRAST = """node => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((value) => value / 255)
    .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  let behind = node;
  while (parts(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [one, other] = [getComputedStyle(node).color, getComputedStyle(behind).backgroundColor].map(parts).map(light);
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""


def test_what_is_written_without_a_network_is_kept_over_a_reload_and_sent_once(served, visit):
    page = visit()
    page.get_by_role("button", name="Chat with us").click()
    area = page.get_by_role("textbox")
    page.context.set_offline(True)
    page.get_by_role("status").get_by_text("You are offline").wait_for(timeout=30_000)
    area.fill("Written on the train")
    area.press("Enter")
    log(page).get_by_text("Sending…").wait_for(timeout=30_000)
    area.fill("half a sentence")
    pictured(page, "offline")
    before = len(served[0].company.comments())
    page.context.set_offline(False)
    said(page, "Thank you, we have it")
    page.reload()
    assert page.get_by_role("textbox").input_value() == "half a sentence"
    assert log(page).get_by_text("Written on the train").count() == 1
    assert page.get_by_role("status").get_by_text("You are offline").count() == 0
    assert len(served[0].company.comments()) == before + 1


def test_a_lost_answer_is_no_second_message(served, visit):
    page = visit()
    page.get_by_role("button", name="Chat with us").click()
    posts = []

    def lost(routed):
        if routed.request.method == "POST" and not posts:
            posts.append(routed.request.post_data)
            routed.fetch()
            routed.abort()
        else:
            routed.continue_()

    page.route("**/pages/chat", lost)
    before = len(served[0].company.comments())
    page.get_by_role("textbox").fill("Once, please")
    page.get_by_role("textbox").press("Enter")
    log(page).get_by_text("· Sent").wait_for(timeout=30_000)
    assert posts
    assert len(served[0].company.comments()) == before + 1


def test_who_comes_by_a_one_time_link_hands_its_token_over_once(served, visit):
    page, token = visit(), "A-_" + "b" * 19
    page.goto(f"{served[1].origin}/chat?language=en&chat=website&again=1#deskwire={token}")
    posts = []
    page.on("request", lambda asked: posts.append(asked.post_data_json) if asked.url.endswith("/pages/chat") else None)
    for text in ("It is me", "and it is 4471"):  # the chat is open by itself
        page.get_by_role("textbox").fill(text)
        page.get_by_role("textbox").press("Enter")
        log(page).get_by_text("· Sent").last.wait_for(timeout=30_000)
        said(page, text)
    assert [post.get("link") for post in posts if post and post["schema"] == "chat.message/1"] == [token, None]
    assert token not in page.url
    assert not any(token in str(post.get("page_url")) for post in posts if post)


def test_two_tabs_show_one_conversation(served, visit):
    first = visit()
    second = visit.another(first.context)
    for page in (first, second):
        page.get_by_role("button", name="Chat with us").click()
    first.bring_to_front()
    first.get_by_role("textbox").fill("From the first tab")
    first.get_by_role("textbox").press("Enter")
    said(second, "From the first tab")
    second.bring_to_front()
    second.get_by_role("textbox").fill("From the second tab")
    second.get_by_role("textbox").press("Enter")
    said(first, "From the second tab")
    log(second).get_by_text("· Sent").nth(1).wait_for(timeout=30_000)
    answers(served, second, "To both")
    for page in (second, first):
        said(page, "To both")
        assert log(page).get_by_text("To both").count() == 1
        assert log(page).get_by_text("From the ").count() == 2
    ticket = served[0].company.zendesk.tickets[-1]
    assert len(served[0].company.zendesk.comments(ticket.id)) == 2


def test_an_address_is_asked_for_when_nobody_is_there(served, visit):
    page = visit(chat="away")
    page.get_by_role("button", name="Chat with us").click()
    assert not page.get_by_label("E-mail").is_visible()
    page.get_by_role("textbox").fill("Are you there?")
    page.get_by_role("textbox").press("Enter")
    page.get_by_label("E-mail").wait_for(timeout=30_000)
    assert page.get_by_role("button", name="No, thanks").is_visible()
    pictured(page, "nobody-is-there")
    page.get_by_label("Name").fill("Oona")
    page.get_by_label("E-mail").fill("oona@example.com")
    page.get_by_label("E-mail").press("Enter")
    said(page, "Thank you. We answer here and by e-mail.")
    log(page).get_by_text("· Sent").nth(1).wait_for(timeout=30_000)
    assert not page.get_by_label("E-mail").is_visible()
    assert "oona@example.com" in served[0].company.comments()[-1]
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Delete this conversation").click()
    assert log(page).get_by_role("listitem").count() == 0


def with_a_file(page, text):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files([{"name": "zip.txt", "mimeType": "text/plain", "buffer": b"zip"}])
    page.get_by_role("button", name="Remove: zip.txt").wait_for(timeout=30_000)
    page.get_by_role("textbox").fill(text)
    page.get_by_role("button", name="Send").click()


END = """() => {
  const [name, kept] = Object.entries(localStorage).find(([name]) => name.startsWith("deskwire-chat"));
  localStorage.setItem(name, kept.replace(/v1\\.website\\.[0-9a-f]{8}/, "v1.website.00000000"));
}"""


def test_a_file_goes_with_the_words_also_when_the_session_is_over(served, visit):
    page = visit()
    page.get_by_role("button", name="Chat with us").click()
    with_a_file(page, "See here")
    log(page).get_by_text("· Sent").wait_for(timeout=30_000)
    page.evaluate(END)
    with_a_file(page, "And here")
    log(page).get_by_text("· Sent").nth(1).wait_for(timeout=30_000)
    company = served[0].company
    for ticket, text in zip(company.zendesk.tickets[-2:], ("See here", "And here"), strict=True):
        (comment,) = company.zendesk.comments(ticket.id)
        assert text in comment.words
        assert [file.data for file in comment.files] == [b"zip"]
    assert page.wrong == []


def test_a_question_has_buttons_that_are_pressed_by_the_keyboard(served, visit):
    page = visit()
    page.get_by_role("button", name="Chat with us").click()
    page.get_by_role("textbox").fill("Where is my tent?")
    page.get_by_role("textbox").press("Enter")
    said(page, "Thank you, we have it")
    choices = [Choice(question_of("survey/1"), value) for value in "12345"]
    offers = [Offer(choice, f"{choice.value} {'★' * int(choice.value)}") for choice in choices]
    answers(served, page, "How satisfied are you?", automatic=True, offers=offers)
    group = page.get_by_role("group", name="How satisfied are you?")
    group.wait_for(timeout=30_000)
    assert group.get_by_role("button").all_inner_texts() == [each.title for each in offers]
    assert min(button.bounding_box()["height"] for button in group.get_by_role("button").all()) >= 44
    pictured(page, "question")
    page.reload()
    group.wait_for(timeout=30_000)
    posts = []
    page.on("request", lambda asked: posts.append(asked.post_data_json) if asked.url.endswith("/pages/chat") else None)
    group.get_by_role("button").first.focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    log(page).get_by_text("4 ★★★★").wait_for(timeout=30_000)
    log(page).get_by_text("· Sent").nth(1).wait_for(timeout=30_000)
    assert group.count() == 0
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.tagName") == "TEXTAREA"
    (post,) = [each for each in posts if each and each["schema"] == "chat.message/1"]
    assert (post["message"], post["choice"]) == ("4 ★★★★", choices[3].payload)
    page.reload()
    said(page, "4 ★★★★")
    assert group.count() == 0
    assert page.wrong == []
