"""The service's page at `/`, before a real lab: what it shows is what the servers answered, at the moment they did."""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import expect
from prometheus_client.parser import text_string_to_metric_families

from scripts.lab import control
from scripts.lab.replicas import UnixConnection, sockets_of
from tests.browser.conftest import OpenPage
from tests.browser.pages import PHONE, PROJECTOR, Screen, assert_accessible, assert_fits
from tests.browser.service_page import Counts, pods, rows, start, wait_for_tiles
from tests.lab.helpers import HOST, TIMEOUT_SECONDS, RunningLab, istio
from tests.support.processes import wait_until

pytestmark = pytest.mark.browser


def served(lab: RunningLab) -> Counter[str]:
    """Return how many calls each replica says that it has answered, by the pod's name."""
    counts: Counter[str] = Counter()
    for pod_name, path in sockets_of(control.running(lab.folder)).items():
        with closing(UnixConnection(path)) as connection:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        counts[pod_name] += sum(
            int(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "http_requests_total" and sample.labels["route"] == "/test/test"
        )
    return counts


def test_the_counts_are_the_servers(open_page: OpenPage, lab: RunningLab, address: str) -> None:
    """By version and by pod, the page has counted exactly the calls that the replicas say they have answered."""
    before = served(lab)
    page = open_page(address)
    start(page)
    wait_for_tiles(page, 100)
    page.get_by_role("button", name="Stop").click()
    # Calls that are on their way have been counted by the server, and are shown when they are back.
    assert wait_until(lambda: pods(page) == served(lab) - before, TIMEOUT_SECONDS)
    by_pod = pods(page)
    assert len(by_pod) == 4
    by_version = {version: sum(by_pod[pod] for pod in by_pod if f"-{version}-" in pod) for version in ("v1", "v2")}
    assert rows(page) == dict.fromkeys(("70-30", "All"), Counts(**by_version, errors=0))
    assert Counter(text[0] for text in page.locator("#tiles .tile").all_inner_texts()) == {
        "1": by_version["v1"],
        "2": by_version["v2"],
    }


def test_it_is_found_by_the_name_of_the_routes(open_page: OpenPage, lab: RunningLab) -> None:
    """By the host that the routes are for, a browser needs no listener of its own: as behind a mesh's gateway."""
    page = open_page(lab.url.replace("127.0.0.1", HOST) + "/")
    start(page)
    wait_for_tiles(page, 10)
    expect(page.locator("#route")).to_have_text(re.compile("Route 70-30: "))


def test_a_shift_is_seen_the_moment_it_happens(
    open_page: OpenPage, lab: RunningLab, address: str, picture: Callable[..., Path]
) -> None:
    """A shift of the running lab shows itself without a reload: a line between the tiles, and the new split alone."""
    page = open_page(address)
    start(page, calls_per_second=40)
    wait_for_tiles(page, 150)
    expect(page.locator("#route")).to_have_text(re.compile("Route 70-30: [0-9]+ answers"))
    shifted = lab.command_line.run("shift", "--dir", lab.folder.path, istio("virtual-service-0-100.yaml"))
    assert shifted.returncode == 0, shifted.stderr
    expect(page.locator("#news")).to_contain_text("The route changed from 70-30 to 0-100")
    expect(page.locator("#tiles .mark")).to_have_text("↑ 0-100")
    newer = page.locator("#tiles .tile:not(.mark ~ *)")
    expect(newer.nth(40)).to_be_attached()
    picture(page, "page-shift")
    page.get_by_role("button", name="Stop").click()
    assert {text[0] for text in newer.all_inner_texts()} == {"2"}
    counts = rows(page)
    assert list(counts) == ["0-100", "70-30", "All"]
    assert counts["0-100"].v1 == 0
    assert 0 < counts["70-30"].v2 < counts["70-30"].v1
    assert counts["All"] == tuple(map(sum, zip(counts["0-100"], counts["70-30"], strict=True)))
    assert counts["All"].errors == 0
    assert page.locator("#bar div").evaluate_all("bars => bars.map((bar) => bar.style.width)") == ["0%", "100%", "0%"]


@pytest.mark.parametrize(
    ("screen", "dark", "language", "heading"),
    [
        (PROJECTOR, False, "zh-CN", "响应（最新的在前）"),
        (PROJECTOR, True, "en-US", "Answers, the newest first"),
        (PHONE, False, "zh-TW", "响应（最新的在前）"),
        (PHONE, True, "fr-FR", "Answers, the newest first"),
    ],
)
def test_everyone_can_read_it(  # noqa: PLR0913 - one sentence has one table
    *,
    open_page: OpenPage,
    address: str,
    picture: Callable[..., Path],
    screen: Screen,
    dark: bool,
    language: str,
    heading: str,
) -> None:
    """On a projector and a telephone, in light and dark, in both languages: nothing is cut off or shuts people out."""
    page = open_page(address, screen=screen, dark=dark, language=language)
    for state in ("empty", "full"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert "undefined" not in page.locator("body").inner_text()
        assert_fits(page)
        assert_accessible(page)
        if state == "empty":
            page.locator("#rate").fill("50")
            page.locator("#run").click()
            wait_for_tiles(page, 60)
            page.locator("#run").click()
    picture(page, f"page-{'telephone' if screen == PHONE else 'projector'}-{'dark' if dark else 'light'}")


def test_it_works_by_keyboard(open_page: OpenPage, address: str) -> None:
    """Tab goes through all four controls in the order of reading; Enter and the arrow keys work them."""
    page = open_page(address)
    focused = page.locator(":focus-visible")
    page.keyboard.press("Tab")
    expect(focused).to_have_text("Start")
    page.keyboard.press("Enter")
    expect(focused).to_have_text("Stop")
    wait_for_tiles(page, 3)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(focused).to_have_text("Reset")
    page.keyboard.press("Enter")
    expect(page.locator("#tiles li")).to_have_count(0)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#rate-shown")).to_have_text("11")
    page.keyboard.press("Tab")
    expect(focused).to_have_text("中文")
    page.keyboard.press("Enter")
    expect(focused).to_have_text("English")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_title("micro-api 金丝雀发布")
