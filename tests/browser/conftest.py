"""The browser, pages in it that fail their test when they complain or call for another host, and a lab to look at."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts.lab import control
from scripts.lab.state import LabFolder
from tests.browser.pages import MESH_DOMAIN, PROJECTOR, Guard, NoBrowserError, Screen, find_browser, take_picture
from tests.lab.helpers import STATES, CommandLine, RunningLab

ACTION_TIMEOUT_MS = 15_000
_SWITCHES = (
    # What a browser asks of its maker's hosts at every start.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
    *("--disable-gpu", "--disable-quic", "--no-proxy-server"),
    f"--host-resolver-rules=MAP *.{MESH_DOMAIN} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give the one Chromium of the run; without one, end the run as failed and say what to do."""
    try:
        path = find_browser()
    except NoBrowserError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.TESTS_FAILED)
    # Chromium's own sandbox does not start for root, as whom CI often runs.
    switches = [*_SWITCHES, "--no-sandbox"] if os.geteuid() == 0 else list(_SWITCHES)
    expect.set_options(timeout=ACTION_TIMEOUT_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=switches)
        yield chromium
        chromium.close()


class OpenPage(Protocol):
    """Opens pages that are watched until the test ends."""

    def __call__(
        self,
        url: str,
        *,
        screen: Screen = PROJECTOR,
        dark: bool = False,
        language: str = "en-US",
        allowed_console: str = "",
    ) -> Page:
        """Open a page in a browser profile of its own.

        Args:
            url: Its address: http on 127.0.0.1 or on a name below `MESH_DOMAIN`, or file.
            screen: The size of the window.
            dark: Whether the person prefers dark colours.
            language: The browser's language.
            allowed_console: A pattern of console errors that the test expects.

        Returns:
            The page, loaded.
        """


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Give `OpenPage`; at its end the test fails on any error in a page and on any request to another host."""
    guards: list[Guard] = []
    with ExitStack() as stack:

        def open_one(
            url: str,
            *,
            screen: Screen = PROJECTOR,
            dark: bool = False,
            language: str = "en-US",
            allowed_console: str = "",
        ) -> Page:
            context = browser.new_context(
                viewport={"width": screen.width, "height": screen.height},
                color_scheme="dark" if dark else "light",
                locale=language,
            )
            stack.callback(context.close)
            context.set_default_timeout(ACTION_TIMEOUT_MS)
            page = context.new_page()
            guards.append(Guard(allowed_console))
            guards[-1].watch(page)
            page.goto(url)
            return page

        yield open_one
    for guard in guards:
        guard.check()


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Give `take_picture`, with the test's own folder for pictures that no document shows."""
    return lambda page, name, *, full_page=False: take_picture(page, name, tmp_path, full_page=full_page)


@pytest.fixture(scope="session")
def session_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Give the one lab of the run, with two replicas of each version."""
    folder, command_line = tmp_path_factory.mktemp("lab"), CommandLine()
    try:
        started = command_line.run("up", "--dir", folder)
        assert started.returncode == 0, started.stderr
        yield RunningLab(LabFolder(folder), command_line)
        control.down(LabFolder(folder))
        assert command_line.processes() == []
    finally:
        command_line.kill_all()


@pytest.fixture
def lab(session_lab: RunningLab) -> RunningLab:
    """Give the run's lab, put back to 70/30. Its processes must stay alive."""
    control.shift(session_lab.folder, STATES)
    return session_lab


@pytest.fixture
def address(lab: RunningLab) -> str:
    """Give the page's address behind the lab's Envoy."""
    return control.running(lab.folder).page_url
