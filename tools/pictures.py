"""`make pictures`: what a browser shows of the sandbox's page, as the README and docs/sandbox.md show it."""

import base64
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from sandbox.cloud.hurry import hurried
from sandbox.northwind.company import Company
from sandbox.northwind.running import swept
from sandbox.page.server import Page as Server

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
LARGEST = 200_000  # bytes of a picture: they are part of every clone
PATIENCE = 120_000  # milliseconds
INSTALL = "apt-get install -y --no-install-recommends chromium fonts-noto-core"


@contextmanager
def opened(browser: Browser, address: str, **options: Any) -> Iterator[Page]:  # noqa: ANN401 - Playwright's own
    """Open the page as a browser with these settings does."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.get_by_text("live", exact=True).wait_for()
    yield page
    context.close()


def write(page: Page, way: str, name: str, text: str) -> None:
    """Write as a customer, and wait for the ticket."""
    page.get_by_label("Where").select_option(label=way)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_role("button", name="Send").first.click()
    page.locator("#cards").get_by_text(text).wait_for()
    page.locator("#cards .steps").get_by_text(re.compile("filed in ticket")).first.wait_for()


def answer(page: Page, text: str) -> None:
    """Answer as an agent, and wait until the customer has it."""
    page.get_by_label(re.compile("Answer as an agent")).fill(text)
    page.get_by_role("button", name="Answer").click()
    page.locator("#cards .steps").get_by_text("the customer has it").last.wait_for()


WEBP = """async (png) => {
  const picture = await createImageBitmap(await (await fetch(png)).blob());
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL("image/webp", 0.85).split(",")[1];
}"""


def taken(page: Page, name: str) -> None:
    """Take a picture of what the window shows; a browser writes it as WebP, a third of PNG."""
    page.evaluate("document.activeElement.blur()")
    png = base64.b64encode(page.screenshot()).decode()
    blank = page.context.new_page()
    file = FOLDER / f"{name}.webp"
    file.write_bytes(base64.b64decode(blank.evaluate(WEBP, f"data:image/png;base64,{png}")))
    blank.close()
    print(f"{file.name}: {file.stat().st_size:,} bytes")
    if file.stat().st_size > LARGEST:
        sys.exit(f"{file.name} is larger than {LARGEST:,} bytes")


def main() -> None:
    """Play what the pictures show, and take them."""
    program = shutil.which("chromium") or sys.exit(f"there is no chromium; on Debian: {INSTALL}")
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Company(directory=Path(folder), speed=6, change=hurried(Path(folder) / "hurried"), progress=print) as company,
        swept(company),
        Server(company) as server,
        sync_playwright() as playwright,
    ):
        company.subscribe()
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        telephone = {"viewport": {"width": 390, "height": 780}, "has_touch": True}
        with opened(browser, server.address, viewport={"width": 1280, "height": 800}) as page:
            write(page, "E-mail: mail", "Jón Þór Ægisson", "Hvar er pakkinn minn? Pöntun 4470 átti að koma í gær")
            write(page, "Google Business Profile: review", "Oona Reyes", "The tent for our family arrived torn")
            write(page, "WhatsApp: message", "Marta Lindqvist", "Where is my parcel? Order 4471")
            page.locator(".card.acknowledgement").wait_for()
            answer(page, "It leaves today, Marta, and is with you on Thursday.")
            taken(page, "page")
        with opened(browser, server.address, color_scheme="dark", **telephone) as page:
            write(page, "Viber: message", "ليلى حداد", "أين طردي؟ رقم الطلب 4472 ولم يصل حتى الآن")
            page.locator(".card.acknowledgement").wait_for()
            answer(page, "طردك في الطريق، يصل يوم الخميس.")
            page.locator("#one-title").scroll_into_view_if_needed()
            page.locator("#one").evaluate("node => node.scrollIntoView()")
            taken(page, "page-on-a-telephone")
        with opened(browser, server.address, viewport={"width": 1280, "height": 800}) as page:
            page.get_by_role("switch", name=re.compile("Kill a worker")).check()
            write(page, "Messenger: private message", "Ivo Brandt", "I was charged twice for 4473")
            page.locator(".card.acknowledgement").wait_for()
            taken(page, "page-worker-killed")
        browser.close()


if __name__ == "__main__":
    main()
