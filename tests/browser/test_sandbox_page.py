"""The sandbox's page in a real browser, with stories told by hand: on a telephone, in the dark, by the keyboard."""

import json
import queue
import re

import pytest

from sandbox.neighbours.neighbour import Neighbour, Reply, route
from sandbox.page.server import PAGE, _policy
from sandbox.page.stories import Card, Step, Story
from tests.browser.test_webchat import CONTRAST

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright").expect
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

AT, LATER = "2026-11-02T09:00:00.000Z", "2026-11-02T09:00:01.200Z"
STATE = {
    "ways": [
        {"id": 0, "channel": "Quill Post", "title": "message", "accounts": {"1001": "quill", "1002": "quill-suva"}},
        {"id": 1, "channel": "Pigeon", "title": "letter", "accounts": {"7": "loft"}},
    ],
    "switches": [
        {"id": "desk-down", "title": "Helpdesk down", "hint": "It answers 503.", "real": ""},
        {"id": "worker", "title": "Kill a worker", "hint": "Another follows.", "real": "the helpdesk is a real one"},
    ],
    "links": [{"title": "Tickets", "href": "/at/desk/", "remark": "agent, password"}],
    "desk": "Deskalope", "minute": 10,
}  # fmt: skip
ARABIC = "أين طردي؟ رقم الطلب 4471"


def story(key, *steps, ticket="", name="ليلى حداد", **more):
    cards = [Card("customer", name, ARABIC, AT, [Step("webhook answered 200 in 0.05 s", AT), *steps])]
    return Story(key, "Quill Post", ARABIC, name, ticket, more.pop("state", "done"), AT, cards, **more).told()


class Told(Neighbour):
    """Serves the page; a test tells what happens, and takes what is posted."""

    def __init__(self):
        super().__init__()
        self.posted, self.answers, self.waiting = [], [], queue.SimpleQueue()

    def authorize(self, asked):
        return None

    def tell(self, *stories, on=None, alive=True):
        self.waiting.put({"stories": stories, "on": on or {}, "alive": alive})

    @route("GET", "/")
    def page(self, asked):
        text = PAGE.read_text()
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": _policy(text)}
        return Reply(200, text.encode(), headers)

    @route("GET", "/state")
    def state(self, asked):
        return Reply.json(200, STATE)

    @route("GET", "/events")
    def events(self, asked):
        def stream():
            yield b": here\n\n"
            while (told := self.waiting.get()) is not None:
                yield f"data: {json.dumps(told)}\n\n".encode()

        return Reply(200, headers={"content-type": "text/event-stream"}, stream=stream())

    @route("POST", "/{what}")
    def take(self, asked, what):
        self.posted.append((what, asked.json()))
        return self.answers.pop(0) if self.answers else Reply.json(200, {"key": "k"})


@pytest.fixture
def told():
    with Told() as told:
        yield told
        told.waiting.put(None)


@pytest.fixture
def opened(browser, told):
    """Open the page in a browser of its own settings."""
    contexts = []

    def opened(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda line: page.wrong.append(line.text) if "Content Security" in line.text else None)
        page.goto(told.address)
        page.get_by_text("live", exact=True).wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def test_a_person_writes_and_answers_by_the_keyboard_alone(opened, told):
    page = opened()
    assert not page.locator("#reply").is_visible()
    page.locator("#way").focus()
    page.keyboard.press("ArrowDown")  # to the other way, which has other accounts
    assert page.locator("#account option").all_inner_texts() == ["loft"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Marta")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("Hello")
    told.tell(story("k"))
    page.keyboard.press("Control+Enter")
    page.locator("#cards").get_by_text(ARABIC).wait_for()
    said = {"way": "0", "account": "1002", "name": "Marta", "text": "Hello"}
    assert told.posted == [("say", said)]
    assert page.get_by_role("button", name="Answer").is_disabled()
    assert not page.locator("#more").is_visible(), "who wrote from elsewhere is not played here"
    assert page.locator("#news").inner_text() == "", "what was there before is no news"
    told.tell(story("k", Step("filed in ticket 7", LATER), ticket="7", goes_on=True))
    status = page.get_by_role("status")
    status.get_by_text("filed in ticket 7").wait_for()  # said to who does not see it
    assert page.locator("#more").is_visible()
    page.locator("#one-title").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("It leaves today.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#reply")).to_have_value("")
    assert told.posted[1] == ("answer", {"text": "It leaves today.", "key": "k", "public": "yes"})
    page.get_by_role("switch", name=re.compile("Helpdesk down")).focus()
    page.keyboard.press("Space")
    expect(page.locator("#news")).to_have_text("Helpdesk down: on")
    assert told.posted[2] == ("switch", {"id": "desk-down", "on": "yes"})
    told.tell(on={"desk-down": False})  # switched off elsewhere
    expect(page.locator("#switch-desk-down")).not_to_be_checked()
    assert page.get_by_role("switch", name=re.compile("Kill a worker")).is_disabled()
    assert page.wrong == []


def test_what_goes_wrong_is_said_in_words(opened, told):
    page = opened()
    told.answers.append(Reply.json(400, {"error": "Choose where to write."}))
    page.get_by_role("button", name="Send").first.click()
    page.get_by_role("alert").get_by_text("Choose where to write.").wait_for()
    told.tell(story("k"), alive=False)
    page.get_by_text("The embedded AWS has died").wait_for()
    told.stop()
    page.get_by_text("The sandbox has ended, or cannot be reached").wait_for()
    page.get_by_role("button", name="Send").first.click()
    page.get_by_role("alert").get_by_text("The sandbox does not answer").wait_for()
    told.start()
    assert page.wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone_nothing_is_cut_off_and_all_can_be_read(opened, told, scheme):
    page = opened(viewport={"width": 360, "height": 700}, color_scheme=scheme, has_touch=True)
    told.tell(
        story("k", Step("not sent: " + "why-it-was-not-sent" * 9, LATER, "bad"), Step("waits", "", "waiting"),
              ticket="7", goes_on=True),
        story("l", name="m" * 90),
    )  # fmt: skip
    page.locator("#list button").nth(1).click()
    page.locator("#cards").get_by_text(ARABIC).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator(".card p").first.evaluate("node => getComputedStyle(node).direction") == "rtl"
    assert min(button.bounding_box()["height"] for button in page.get_by_role("button").all()) >= 40
    looked_at = [
        page.locator(each).first
        for each in (
            ".card p",
            ".card b",
            ".good",
            ".bad",
            ".waiting",
            "#write h2",
            "#write label",
            "button.first",
            "#news",
        )
    ]
    assert min(node.evaluate(CONTRAST) for node in looked_at if node.is_visible()) >= 4.5
    assert page.wrong == []


def test_markup_of_a_customer_is_words(opened, told):
    page = opened()
    words = "<img src=x onerror=alert(1)> & <b>bold</b>"
    told.tell(Story("k", "Quill Post", words, words, "7", "done", AT, [Card("customer", words, words, AT)]).told())
    page.locator("#list button").click()
    assert page.locator(".card p").inner_text() == words
    assert page.locator(".card img, #list img").count() == 0
