"""The tab "Canary split" of Locust's web UI: it follows what happens, and everybody can read it."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from canary_loadtest.core.labels import CANARY, STABLE
from tests.browser.conftest import OpenPage
from tests.browser.locust_ui import Allowance, web_ui
from tests.browser.pages import PHONE, Screen, assert_accessible, assert_fits
from tests.loadtest.server import Reply, Request, answer, http, serving
from tests.loadtest.traffic import split
from tests.support.processes import wait_until

pytestmark = pytest.mark.browser

FOLLOWS_MS = 60_000
"""How long to wait until the page shows what has happened, on a machine with much else to do."""


GONE = "net::ERR_CONNECTION_(REFUSED|RESET)"
"""What the console says when a test ends Locust while the page still asks it."""


def tab_of(page: Page) -> FrameLocator:
    """Open the tab in Locust's page, and return what is in it."""
    page.get_by_role("tab", name="Canary split").click()
    return page.frame_locator('iframe[title="Canary split"]')


def shows(tab: FrameLocator | Page, selector: str, text: str | re.Pattern[str]) -> None:
    """Wait until the page shows this text there."""
    expect(tab.locator(selector)).to_have_text(text, timeout=FOLLOWS_MS)


def test_it_follows_a_run_a_stop_a_reset_and_a_second_run(open_page: OpenPage, tmp_path: Path) -> None:
    """A person who only watches the tab sees each of them happen, with the figures of that run alone."""
    allowance = Allowance(100, split(3))
    with serving(allowance) as server, web_ui(tmp_path, server.url) as ui:
        page = open_page(ui.url, allowed_console=GONE)
        page.get_by_role("button", name="Start").click()
        tab = tab_of(page)
        shows(tab, "#verdict strong", "INCONCLUSIVE so far")
        shows(tab, "#answers", "100")
        shows(tab, "#share", "30.0 %")
        shows(tab, "#state", re.compile("Running for"))
        page.get_by_role("button", name="Stop").click()
        shows(tab, "#state", re.compile("Ended after"))
        shows(tab, "#verdict strong", "INCONCLUSIVE")
        page.get_by_role("button", name="Reset").click()
        shows(tab, "#state", "No test has run yet: start one.")
        expect(tab.locator("#measured")).to_be_hidden()
        allowance.more.set()
        ui.start(expect_canary="30")
        shows(tab, "#verdict strong", "CONFIRMED")
        shows(tab, "#needed", "none")
        ui.start(expect_canary="60")
        shows(tab, "#verdict strong", "REFUTED")
        shows(tab, "#expected", "60 %")


def test_a_reset_in_the_middle_of_a_run_begins_anew(open_page: OpenPage, tmp_path: Path) -> None:
    """The button forgets what was counted, and the run goes on from nothing to its verdict."""
    allowance = Allowance(100, split(3))
    with serving(allowance) as server, web_ui(tmp_path, server.url) as ui:
        ui.start()
        page = open_page(f"{ui.url}/?tab=canary-split", allowed_console=GONE)
        page.reload()
        tab = tab_of(page)
        shows(tab, "#answers", "100")
        page.get_by_role("button", name="Reset").click()
        shows(tab, "#answers", "0")
        shows(tab, "#state", re.compile("Running for"))
        allowance.more.set()
        shows(tab, "#verdict strong", "CONFIRMED")


def test_it_follows_many_workers(open_page: OpenPage, tmp_path: Path) -> None:
    """The requests of all workers are accounted for, and while they count nothing is said to be missing."""
    answered, workers = 200, 2
    allowance = Allowance(answered, split(3))
    with serving(allowance) as server, web_ui(tmp_path, server.url, workers=workers) as ui:
        ui.start(user_count="2", spawn_rate="2")
        page = open_page(f"{ui.url}/canary-split", allowed_console=GONE)
        # Each worker has one request that is held; what was sent after the older one waits with it.
        assert wait_until(lambda: sum(ui.accounted()) == answered + workers, timeout_seconds=FOLLOWS_MS / 1000)
        counted, waiting = ui.accounted()
        assert waiting >= workers
        shows(page, "#answers", str(counted))
        shows(page, "#verdict strong", "INCONCLUSIVE so far")
        shows(page, "#verdict .reason", re.compile(f"^{counted} answers are too few"))
        allowance.more.set()
        shows(page, "#verdict strong", "CONFIRMED")
        shows(page, "#state", re.compile("Ended after"))


class Shifting:
    """Answers by 70-30, and from the hundredth request on by 0-100."""

    def __init__(self) -> None:
        """Begin with the old weights."""
        self._before = split(3, x_canary_route="70-30")

    def __call__(self, request: Request) -> Reply:
        """Return the reply by the weights of its time."""
        return self._before(request) if request.number < 100 else answer(CANARY, x_canary_route="0-100")


def test_a_change_of_route_is_marked(open_page: OpenPage, tmp_path: Path) -> None:
    """When the weights change under load, the page names both routes and judges no further."""
    allowance = Allowance(100, Shifting())
    with serving(allowance) as server, web_ui(tmp_path, server.url) as ui:
        ui.start()
        page = open_page(f"{ui.url}/canary-split", allowed_console=GONE)
        shows(page, "#answers", "100")
        allowance.more.set()
        shows(page, "#routes li", re.compile("^after .* s: 70-30 → 0-100$"))
        shows(page, "#verdict .reason", re.compile("answers came by more than one route"))
        shows(page, "#needed-time", "no verdict is in sight")


def test_errors_are_told_by_kind(open_page: OpenPage, tmp_path: Path) -> None:
    """Each kind of answer has its row, with its count."""
    failing = split(3)

    def reply(request: Request) -> Reply:
        made = failing(request)
        if request.number % 10 == 0:
            return replace(made, label="error", raw=b"HTTP/1.1 503 Oh\r\ncontent-length: 0\r\n\r\n")
        return made

    with serving(Allowance(50, reply)) as server, web_ui(tmp_path, server.url) as ui:
        ui.start()
        page = open_page(f"{ui.url}/canary-split", allowed_console=GONE)
        row = page.locator("#kinds tr", has_text="status_503")
        expect(row.locator("td").first).to_have_text("5", timeout=FOLLOWS_MS)
        kinds = ["V3 (canary, v2)", "plain (stable, v1)", "status_503"]
        expect(page.locator("#kinds tbody th")).to_have_text(kinds)


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_read_it(open_page: OpenPage, tmp_path: Path, dark: bool) -> None:  # noqa: FBT001 - pytest gives it
    """Nothing shuts people out, in light and dark, on a projector and on a telephone, before a run and in it."""
    with serving(Allowance(60, split(3))) as server, web_ui(tmp_path, server.url) as ui:
        page = open_page(f"{ui.url}/canary-split", dark=dark, allowed_console=GONE)
        shows(page, "#state", "No test has run yet: start one.")
        assert_accessible(page)
        ui.start()
        shows(page, "#answers", "60")
        assert_accessible(page)
        page.set_viewport_size({"width": PHONE.width, "height": PHONE.height})
        assert_fits(page)
        assert_accessible(page)
        page.goto(f"{ui.url}/?tab=canary-split")
        shows(page.frame_locator('iframe[title="Canary split"]'), "#answers", "60")
        assert_fits(page)


def test_it_says_when_locust_is_gone(open_page: OpenPage, tmp_path: Path) -> None:
    """The last figures stay, and are marked as old."""
    with serving(Allowance(10, split(3))) as server, web_ui(tmp_path, server.url) as ui:
        ui.start()
        page = open_page(f"{ui.url}/canary-split", allowed_console=GONE)
        shows(page, "#answers", "10")
    shows(page, "#state", re.compile("Locust does not answer"))
    shows(page, "#answers", "10")


def test_it_takes_locusts_switch_between_light_and_dark(open_page: OpenPage, tmp_path: Path) -> None:
    """The tab never shines out of a dark page."""
    with serving(Allowance(10, split(3))) as server, web_ui(tmp_path, server.url) as ui:
        ui.start()
        page = open_page(f"{ui.url}/canary-split", allowed_console=GONE)
        shows(page, "#answers", "10")
        page.goto(f"{ui.url}/?tab=canary-split")
        theme = page.frame_locator('iframe[title="Canary split"]').locator("html")
        expect(theme).to_have_attribute("data-theme", "light")
        page.locator("header button").last.click()
        expect(theme).to_have_attribute("data-theme", "dark")


def test_the_tab_and_the_download_show_a_whole_run(
    open_page: OpenPage, picture: Callable[..., Path], tmp_path: Path
) -> None:
    """At the end the chart covers the run; the link gives the same as a file, which needs no server."""
    draw = Random(3)

    def slow(_: Request) -> Reply:
        time.sleep(0.01)  # so that the run takes some seconds, and the chart has a course to show
        return answer(CANARY if draw.random() < 0.3 else STABLE, x_canary_route="70-30")

    with serving(slow) as server, web_ui(tmp_path, server.url) as ui:
        ui.start(user_count="5", spawn_rate="5")
        page = open_page(f"{ui.url}/canary-split", screen=Screen(1280, 900), allowed_console=GONE)
        shows(page, "#verdict strong", "CONFIRMED")
        page.goto(f"{ui.url}/?tab=canary-split")
        tab = page.frame_locator('iframe[title="Canary split"]')
        shows(tab, "#verdict strong", "CONFIRMED")
        expect(tab.locator("#share-chart canvas")).to_be_visible()
        page.mouse.move(0, 0)
        picture(page, "locust-tab")
        answers = tab.locator("#answers").inner_text()
        with page.expect_download() as download:
            tab.get_by_role("link", name="Download as a report").click()
        download.value.save_as(tmp_path / "report.html")
    saved = open_page((tmp_path / "report.html").as_uri())
    shows(saved, "#verdict strong", "CONFIRMED")
    shows(saved, "#answers", answers)
    assert STABLE in saved.locator("#kinds").inner_text()


def test_a_page_of_another_site_starts_no_test(open_page: OpenPage, tmp_path: Path) -> None:
    """A form that a foreign page sends to the web UI is refused, and the person reads why."""
    with serving(split(3)) as target, web_ui(tmp_path, target.url) as ui:
        form = (
            f'<form method="post" action="{ui.url}/swarm"><input name="user_count" value="1">'
            '<input name="spawn_rate" value="1"><input name="verdict_json" value="/tmp/x"><button>Win</button></form>'
        )
        foreign = Reply("page", http(f"<!doctype html><title>win</title>{form}".encode(), content_type="text/html"))
        with serving(lambda _: foreign) as other_site:
            page = open_page(other_site.url, allowed_console="40[34]")
            page.get_by_role("button", name="Win").click()
            expect(page.locator("body")).to_contain_text(f"refused: the page at '{other_site.url}' is not this web UI")
        assert target.connections == 0


def test_the_start_form_asks_what_is_expected(open_page: OpenPage, tmp_path: Path) -> None:
    """Share, tolerance and route that a person types are those that the run is judged by."""
    with serving(split(6, x_canary_route="40-60")) as server, web_ui(tmp_path, server.url) as ui:
        page = open_page(ui.url, allowed_console=GONE)
        page.get_by_role("button", name="Custom parameters").click()
        for label, value in {"Expect Canary": "60", "Tolerance": "15", "Route": "40-60"}.items():
            page.get_by_label(re.compile(f"^{label}")).fill(value)
        page.get_by_role("button", name="Start").click()
        tab = tab_of(page)
        shows(tab, "#verdict strong", "CONFIRMED")
        shows(tab, "#expected", "60 %")
        shows(tab, "#tolerance", re.compile("± 15 percentage points"))
        shows(tab, "#verdict .reason", re.compile("within 15 points of 60 %"))
