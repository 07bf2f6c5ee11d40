"""The browser tests' own ground: what `pages` is to notice, it notices."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import OpenPage
from tests.browser.pages import PHONE, PICTURE_LIMIT_BYTES, Guard, assert_accessible, assert_fits
from tests.support.repository import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give an empty page on a telephone that nothing watches yet."""
    with browser.new_context(viewport={"width": PHONE.width, "height": PHONE.height}) as context:
        yield context.new_page()


def test_errors_are_noticed(page: Page) -> None:
    """An exception that no script catches and an error in the console fail a page, unless they are expected."""
    guard = Guard(allowed_console="^known$")
    guard.watch(page)
    with page.expect_event("pageerror"):
        page.set_content("<script>console.error('known'); console.error('unknown'); missing()</script>")
    assert guard.console == ["unknown", "missing is not defined"]
    with pytest.raises(AssertionError, match="errors"):
        guard.check()


def test_requests_to_other_hosts_are_noticed(page: Page) -> None:
    """An image and a socket of another host fail a page, and neither leaves the machine."""
    guard = Guard()
    guard.watch(page)
    with page.expect_event("websocket"), page.expect_event("requestfailed") as failed:
        page.set_content(
            "<img src='http://elsewhere.example/a.png'><script>new WebSocket('ws://elsewhere.example/')</script>"
        )
    assert failed.value.failure == "net::ERR_NAME_NOT_RESOLVED"
    assert sorted(guard.foreign) == ["http://elsewhere.example/a.png", "ws://elsewhere.example/"]
    with pytest.raises(AssertionError, match="left this machine"):
        guard.check()


def test_this_machine_is_no_other_host(open_page: OpenPage, tmp_path: Path) -> None:
    """A page from a file that uses data and blobs alone passes."""
    file = tmp_path / "page.html"
    file.write_text("<img src='data:,'><script>fetch(URL.createObjectURL(new Blob()))</script>")
    open_page(file.as_uri())


def test_a_page_that_is_too_wide_is_noticed(page: Page) -> None:
    """A page that has to be scrolled sideways does not fit."""
    page.set_content("<meta name=viewport content='width=device-width'><p style='width: 360px'>text")
    assert_fits(page)
    page.set_content("<meta name=viewport content='width=device-width'><p style='width: 600px'>text")
    with pytest.raises(AssertionError, match="on a screen of 390"):
        assert_fits(page)


def test_what_shuts_people_out_is_noticed(page: Page) -> None:
    """A button without a name is a grave finding; a page in order has none."""
    page.set_content("<html lang=en><title>t</title><main><h1>t</h1><button>Go</button></main>")
    assert_accessible(page)
    page.set_content("<html lang=en><title>t</title><main><h1>t</h1><button></button></main>")
    with pytest.raises(AssertionError, match="button-name"):
        assert_accessible(page)


def test_pictures_are_kept_only_on_demand(
    page: Page, picture: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture goes to the test's own folder, and one that is too large for the repository is refused."""
    monkeypatch.delenv("UPDATE_PICTURES", raising=False)
    page.set_content("<h1>small</h1>")
    assert picture(page, "ground") == tmp_path / "ground.png"
    page.set_content("<canvas width=390 height=800></canvas>")
    page.evaluate(
        "() => { const c = document.querySelector('canvas').getContext('2d'), d = c.createImageData(390, 800);"
        "for (let i = 0; i < d.data.length; i += 65536) crypto.getRandomValues(d.data.subarray(i, i + 65536));"
        "c.putImageData(d, 0, 0) }"
    )
    with pytest.raises(AssertionError, match="show less"):
        picture(page, "ground")
    assert (tmp_path / "ground.png").stat().st_size > PICTURE_LIMIT_BYTES


def test_without_a_browser_the_run_fails_and_says_what_to_do() -> None:
    """Where there is no Chromium the tests fail with the remedy; they are not skipped."""
    command = [sys.executable, "-m", "pytest", "-m", "browser", "-q", "-p", "no:cacheprovider", __file__, "-k", "wide"]
    environment = os.environ | {"CHROMIUM": "/nowhere/chromium"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "CHROMIUM=/nowhere/chromium is no program. Install it" in done.stdout + done.stderr
