"""What is asked of every page: no error, no other host, room on each screen, and nothing that shuts people out.

`conftest` opens pages and holds them against `Guard` at the end of each test; the tests call the checks.
"""

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Error, Page, Request, WebSocket

from tests.support.repository import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PICTURES = ROOT / "docs" / "pictures"
PICTURE_LIMIT_BYTES = 180_000
MESH_DOMAIN = "svc.cluster.local"
"""Names below it lead to 127.0.0.1 in the tests' browser, as with an entry in a person's hosts file."""


class Screen(NamedTuple):
    """A size of window, in CSS pixels."""

    width: int
    height: int


PROJECTOR = Screen(1280, 720)
PHONE = Screen(390, 844)


class NoBrowserError(Exception):
    """There is no Chromium to test with; the message says what to do."""


def find_browser() -> str:
    """Find the browser to test with.

    Returns:
        The path in CHROMIUM, or else the first of `BROWSERS` on the PATH.

    Raises:
        NoBrowserError: There is none.
    """
    named = os.environ.get("CHROMIUM", "")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        problem = f"CHROMIUM={named} is no program" if named else f"none of {', '.join(BROWSERS)} is on the PATH"
        raise NoBrowserError(
            f"The browser tests need Chromium, and {problem}. Install it (Debian, Ubuntu: apt install chromium), "
            "or set CHROMIUM to the program of a Chromium or Chrome"
        )
    return found


@dataclass
class Guard:
    """Writes down what a page must not do.

    Attributes:
        allowed_console: A pattern of console errors that the test expects, such as those of an answer 503; "" for none.
        console: Every other error in the console, and every exception that no script caught.
        foreign: Every request to another host than this machine.
    """

    allowed_console: str = ""
    console: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Listen from now on."""
        page.on("console", self._on_console)
        page.on("pageerror", self._on_page_error)
        page.on("request", self._on_request)
        page.on("websocket", self._on_websocket)

    def check(self) -> None:
        """Fail if there is anything to complain of."""
        assert self.foreign == [], f"a request left this machine: {self.foreign}"
        assert self.console == [], f"the page has errors: {self.console}"

    def _on_console(self, message: ConsoleMessage) -> None:
        is_allowed = self.allowed_console and re.search(self.allowed_console, message.text)
        if message.type == "error" and not is_allowed:
            self.console.append(message.text)

    def _on_page_error(self, error: Error) -> None:
        self.console.append(str(error))

    def _on_request(self, request: Request) -> None:
        self._note_host(request.url)

    def _on_websocket(self, websocket: WebSocket) -> None:
        self._note_host(websocket.url)

    def _note_host(self, url: str) -> None:
        host = urlsplit(url).hostname  # None for data:, blob: and file:
        if host not in {None, "127.0.0.1"} and not str(host).endswith(f".{MESH_DOMAIN}"):
            self.foreign.append(url)


def assert_fits(page: Page) -> None:
    """Fail if the page has to be scrolled sideways."""
    widths = page.evaluate("[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]")
    assert widths[0] <= widths[1], f"the page is {widths[0]} pixels wide on a screen of {widths[1]}"


def assert_accessible(page: Page) -> None:
    """Fail on a finding of axe that is serious or critical."""
    found = Axe().run(page).response["violations"]
    grave = [
        f"{finding['id']}: {finding['help']}: {node['target']}: {node['failureSummary']}"
        for finding in found
        if finding["impact"] in {"serious", "critical"}
        for node in finding["nodes"]
    ]
    assert grave == [], "\n".join(grave)


def take_picture(page: Page, name: str, scratch: Path, *, full_page: bool = False) -> Path:
    """Take a picture of the page, small enough to be kept.

    Args:
        page: What to take it of.
        name: The file's name without its ending.
        scratch: Where it goes unless UPDATE_PICTURES is set (`make pictures`); then it is the documents' picture.
        full_page: Whether to take all of the page, and not what the screen shows.

    Returns:
        The file.
    """
    file = (PICTURES if os.environ.get("UPDATE_PICTURES") else scratch) / f"{name}.png"
    page.screenshot(path=file, full_page=full_page)
    size_bytes = file.stat().st_size
    assert size_bytes < PICTURE_LIMIT_BYTES, f"{file.name} has {size_bytes} bytes: show less of the page"
    return file
