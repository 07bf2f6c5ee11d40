"""The report of a run, opened as a file: it shows the run to everybody, and needs no server."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import expect

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.history import History
from canary_loadtest.core.labels import CANARY, STABLE, printable
from canary_loadtest.core.session import Session
from canary_loadtest.core.slowness import Slowness
from canary_loadtest.output import page as page_of
from canary_loadtest.output.about import About
from tests.browser.conftest import OpenPage
from tests.browser.pages import PHONE, Screen, assert_accessible, assert_fits
from tests.loadtest.locust_process import locust, wait_until
from tests.loadtest.server import Reply, Request, answer, serving

pytestmark = pytest.mark.browser

ABOUT = About("http://127.0.0.1:8080", "70-30", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 3.0)
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
SHIFT_AFTER = 400


def report_in(folder: Path, expected_percent: float, answers: int, routes: tuple[str, ...] = ("70-30",)) -> str:
    """Write the report of `answers` answers, of which three in ten are from the canary, and return its address.

    Args:
        folder: where to.
        expected_percent: the share that was expected.
        answers: how many came.
        routes: by which they came, in equal parts one after the other.
    """
    by_route = (
        one._replace(route=routes[number * len(routes) // answers]) for number, one in enumerate(drawn(answers))
    )
    return report_on(by_route, Session(Expectation(expected_percent), keep_going=True), folder)


def drawn(count: int) -> Iterator[Answer]:
    """Yield right answers, of which three in ten are from the canary."""
    draw = Random(3)
    for _ in range(count):
        version = CANARY if draw.random() < 0.3 else STABLE
        yield Answer(version, "70-30", destination=version)


def report_on(answers: Iterable[Answer], session: Session, folder: Path) -> str:
    """Write the report on answers that a session counts, and return its address."""
    history = History()
    for number, one in enumerate(answers):
        session.add(one)
        history.record(number / 50, session)
    data = page_of.data_of(session.verdict(), history, state="ended", to_go=session.to_go(), about=ABOUT)
    page_of.write_report(data, "the table", str(folder / "report.html"))
    return (folder / "report.html").as_uri()


@pytest.mark.parametrize(
    ("expected_percent", "answers", "verdict"),
    [(30, 1000, "CONFIRMED"), (60, 1000, "REFUTED"), (30, 20, "INCONCLUSIVE")],
)
def test_each_verdict_is_said_in_words(
    open_page: OpenPage, tmp_path: Path, expected_percent: float, answers: int, verdict: str
) -> None:
    """No verdict rests on a colour: the word and the next step stand there."""
    page = open_page(report_in(tmp_path, expected_percent, answers))
    expect(page.locator("#verdict strong")).to_have_text(verdict)
    expect(page.locator("#verdict .next")).to_have_text(re.compile("^Next: .+"))
    expect(page.locator("#answers")).to_have_text(f"{answers:,}")
    needed = re.compile("^about [0-9]+$" if verdict == "INCONCLUSIVE" else "^none$")
    expect(page.locator("#needed")).to_have_text(needed)
    expect(page.locator("#state")).to_have_text(re.compile("^Ended after"))
    expect(page.get_by_role("img", name=re.compile("the canary's share: now .* %, expected"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("evidence: for the expected share .* % of what"))).to_be_visible()
    expect(page.get_by_role("link", name="Download as a report")).to_have_count(0)


def test_the_finding_on_the_canary_is_said_in_words(open_page: OpenPage, tmp_path: Path) -> None:
    """Where answers name their destination, a line says whose errors they are; without one there is no line."""
    failing = (one._replace(label="status_503") if one.label == CANARY else one for one in drawn(200))
    page = open_page(report_on(failing, Session(Expectation(30, next_weight_percent=100)), tmp_path))
    expect(page.locator("#verdict strong")).to_have_text("REFUTED")
    expect(page.locator("#verdict .reason")).to_have_text(re.compile("^the canary errs more often than stable: "))
    expect(page.locator("#health")).to_have_text(re.compile("^Canary: WORSE – [0-9]+ errors of the canary came in"))
    assert_accessible(page)
    expect(page.locator("#latency")).to_be_hidden()
    expect(open_page(report_in(tmp_path, 30, 1000)).locator("#health")).to_be_hidden()


def test_the_finding_on_the_latency_is_said_in_words(open_page: OpenPage, tmp_path: Path) -> None:
    """Where latency is compared, a line below says what is known of it, and what both versions took."""
    expectation, times = Expectation(30, next_weight_percent=100, slowness=Slowness(2)), Random(4)
    slow = (
        one._replace(seconds=times.lognormvariate(-4, 0.5) * (3 if one.label == CANARY else 1)) for one in drawn(2000)
    )
    page = open_page(report_on(slow, Session(expectation), tmp_path))
    expect(page.locator("#verdict strong")).to_have_text("REFUTED")
    expect(page.locator("#latency")).to_have_text(re.compile("^Latency: WORSE – .*from the send 50 / 95 / 99 % of"))
    assert_accessible(page)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("expected_percent", [30, 60])
def test_everybody_can_read_it(
    open_page: OpenPage,
    tmp_path: Path,
    dark: bool,  # noqa: FBT001 - pytest gives it
    expected_percent: float,
) -> None:
    """Nothing shuts people out, in light and dark, on a projector and on a telephone."""
    page = open_page(report_in(tmp_path, expected_percent, 600, ("70-30", "0-100")), dark=dark)
    assert_accessible(page)
    page.set_viewport_size({"width": PHONE.width, "height": PHONE.height})
    assert_fits(page)
    assert_accessible(page)


def test_names_from_outside_are_text(open_page: OpenPage, tmp_path: Path) -> None:
    """A route that is called like a script is shown, and does nothing."""
    page = open_page(report_in(tmp_path, 30, 100, ("70-30", HOSTILE)))
    expect(page.locator("#routes li")).to_have_text(re.compile(re.escape(f"70-30 → {printable(HOSTILE)}") + "$"))
    assert page.locator("main img:not([role])").count() == 0


def test_the_values_under_the_pointer_stand_below_the_chart(open_page: OpenPage, tmp_path: Path) -> None:
    """A person who points at a moment reads what was known then; without a pointer, what is known at the end."""
    page = open_page(report_in(tmp_path, 30, 1000))
    after = page.locator("#share-chart + .legend dd").first
    expect(after).to_have_text("20 s")
    chart = page.locator("#share-chart .u-over").bounding_box()
    assert chart is not None
    page.mouse.move(chart["x"] + chart["width"] / 2, chart["y"] + chart["height"] / 2)
    expect(after).to_have_text("10 s")


class Shifting:
    """Draws three canary of ten, and after `SHIFT_AFTER` answers canary only, slowly enough for a course to be seen."""

    def __init__(self) -> None:
        """Begin with the old weights."""
        self._draw = Random(3)

    def __call__(self, request: Request) -> Reply:
        """Return the reply by the weights of its time."""
        time.sleep(0.01)
        if request.number >= SHIFT_AFTER:
            return answer(CANARY, x_canary_route="0-100")
        return answer(CANARY if self._draw.random() < 0.3 else STABLE, x_canary_route="70-30")


def test_the_report_of_a_run_shows_what_happened(
    open_page: OpenPage, picture: Callable[..., Path], tmp_path: Path
) -> None:
    """A shift in the middle of a run, which SIGTERM ends, is marked in the report that Locust leaves."""
    options = "--expect-canary 30 --keep-going --report report.html"
    with serving(Shifting()) as server, locust(tmp_path, f"--host {server.url} {options}") as process:
        wait_until(lambda: server.sent.total() > 1.5 * SHIFT_AFTER, process)
        process.terminate()
        process.communicate(timeout=60)
    page = open_page((tmp_path / "report.html").as_uri(), screen=Screen(1280, 900))
    expect(page.locator("#verdict strong")).to_have_text("INCONCLUSIVE")
    expect(page.locator("#verdict .reason")).to_have_text(re.compile("more than one route"))
    expect(page.locator("#routes li")).to_have_text(re.compile("70-30 → 0-100$"))
    picture(page, "report", full_page=True)
