"""The report's page in a real browser: on a telephone, in the dark, for who does not see the pictures."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.report import described
from cli.report_page import page as report_page
from deskwire.care.hours import Hours
from deskwire.operating.reporting import Source, rows
from deskwire.ports.memory import MemoryTable
from sandbox.northwind import history
from tests.browser.test_webchat import CONTRAST

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

UNTIL = datetime(2026, 11, 29, 18, tzinfo=UTC)
ACCOUNTS = {("messenger", "1"): 25, ("email", "4"): 240, ("facebook", "3"): 90}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    table, since = MemoryTable(), UNTIL - timedelta(days=7)
    history.put(table, history.made(ACCOUNTS, Hours(), since, UNTIL, daily=30, seed=1))
    sources = [Source("deskwire", channel, channel, account) for channel, account in ACCOUNTS]
    report = described([row for each in sources for row in rows(table, each, since, UNTIL)], since, UNTIL)
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report_page(report), encoding="utf-8")
    return file.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_cut_off_and_all_can_be_read(browser, written, scheme, width):
    context = browser.new_context(viewport={"width": width, "height": 740}, color_scheme=scheme)
    page = context.new_page()
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: wrong.append(line.text))
    page.goto(written)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    looked_at = ["h1", ".soft", "dt", "dd", "dd small", "figcaption", "th", "td", ".longer", ".shorter"]
    assert min(page.locator(each).first.evaluate(CONTRAST) for each in looked_at) >= 4.5
    assert (asked, wrong) == ([written], [])
    for picture in page.get_by_role("img").all():
        box = picture.bounding_box()
        assert box["width"] <= width
        inside = picture.evaluate(
            "svg => [...svg.querySelectorAll('text')].every(each => {"
            " const a = each.getBoundingClientRect(), b = svg.getBoundingClientRect();"
            " return a.left >= b.left - 2 && a.right <= b.right + 12; })"
        )
        assert inside
    assert page.get_by_role("img", name="How long until the first answer, by channel").count() == 1
    context.close()
