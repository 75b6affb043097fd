"""A real browser on the sandbox's pages: Debian's chromium, driven by Playwright."""

import shutil

import pytest

from sandbox.northwind.company import Company

INSTALL = "apt-get install -y --no-install-recommends chromium fonts-noto-core"


@pytest.fixture(scope="session")
def browser():
    program = shutil.which("chromium")
    if program is None:
        pytest.skip(f"there is no chromium; on Debian: {INSTALL}")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    page = browser.new_page()
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    yield page
    page.close()


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    with Company(speed=30, directory=tmp_path_factory.mktemp("northwind")) as company:
        yield company
