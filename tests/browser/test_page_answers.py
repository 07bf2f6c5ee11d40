"""The service's page before answers that no healthy lab gives: errors, late ones, none, and very many."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.service_page import Counts, pods, rows, start, wait_for_tiles
from tests.lab.helpers import TIMEOUT_SECONDS
from tests.support.processes import wait_until

pytestmark = pytest.mark.browser

KEPT_TILES, KEPT_PODS, KEPT_ROUTES, CALLS_IN_FLIGHT = 300, 30, 8, 60  # as page.js has them


def answer(route_name: str = "70-30", version: str = "v1", pod: str = "", status: int = 200) -> Callable[[Route], None]:
    """Make an answer of the service behind a gateway."""
    headers = {"x-service-version": version, "x-pod-name": pod or f"pod-{version}", "x-canary-route": route_name}
    return lambda route: route.fulfill(status=status, headers=headers)


def no_endpoint(route: Route) -> None:
    """Answer as a proxy without an endpoint: no version, pod or route is named."""
    route.fulfill(status=503)


class Held:
    """Holds a call back until it is told to answer."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.calls: list[Route] = []

    def __call__(self, route: Route) -> None:
        """Take a call."""
        self.calls.append(route)


def play(page: Page, answers: Iterator[Callable[[Route], None]]) -> None:
    """Give the page's calls the answers in turn; the calls behind the last are never answered."""

    def reply(route: Route) -> None:
        if reply_as := next(answers, None):
            reply_as(route)

    page.route("**/test/test", reply)


def wait_for_sum(page: Page, counts: Counts) -> None:
    """Wait until the page has counted this many answers of each kind in all."""
    assert wait_until(lambda: rows(page)["All"] == counts, TIMEOUT_SECONDS), rows(page)


def test_errors_are_tiles_of_their_own(open_page: OpenPage, address: str) -> None:
    """An error shows its status, counts for its pod where it has one, and is no change of route."""
    page = open_page(address, allowed_console="Failed to load resource")
    errors = [no_endpoint, answer(version="v2", status=500), answer(version="v3"), lambda route: route.abort()]
    play(page, iter([answer(), *errors, answer(version="v2")]))
    start(page, calls_per_second=5)
    wait_for_tiles(page, 6)
    assert page.locator("#tiles .tile").all_inner_texts() == ["2a", "✕", "200", "500", "503", "1a"]
    assert page.locator("#tiles .error").count() == 4
    assert page.locator("#tiles .mark").count() == 0
    wait_for_sum(page, Counts(1, 1, errors=4))
    assert rows(page) == dict.fromkeys(("70-30", "All"), Counts(1, 1, errors=4))
    assert pods(page) == {"pod-v1": 1, "pod-v2": 2, "pod-v3": 1, "(no name)": 2}


def test_pods_have_their_letters_by_name(open_page: OpenPage, address: str) -> None:
    """In the order of their answers or not, 1a is the first pod by name, on tiles that are shown already, too."""
    page = open_page(address)
    play(page, iter([answer(pod="v1-10"), answer(pod="v1-9"), answer(version="v2", pod="v2-0"), answer(pod="v1-10")]))
    start(page, calls_per_second=5)
    wait_for_tiles(page, 4)
    assert page.locator("#tiles .tile").all_inner_texts() == ["1b", "2a", "1a", "1b"]
    assert pods(page) == {"v1-9": 1, "v1-10": 2, "v2-0": 1}


def test_a_late_answer_is_no_change_of_route(open_page: OpenPage, address: str) -> None:
    """An answer to a call that was sent before a shift counts for its own route, and is no shift back."""
    page = open_page(address)
    late = Held()
    play(page, iter([answer("70-30"), late, answer("0-100", "v2"), answer("0-100", "v2")]))
    start(page, calls_per_second=5)
    wait_for_tiles(page, 3)
    answer("70-30")(late.calls[0])
    wait_for_sum(page, Counts(2, 2, errors=0))
    assert page.locator("#tiles .mark").all_inner_texts() == ["↑ 0-100"]
    expect(page.locator("#route")).to_have_text("Route 0-100: 2 answers")
    assert rows(page) == {"70-30": Counts(2, 0, 0), "0-100": Counts(0, 2, 0), "All": Counts(2, 2, 0)}


def test_calls_without_an_answer_do_not_pile_up(open_page: OpenPage, address: str) -> None:
    """At the limit of calls on their way none is added, and the page says so; a reset forgets them all."""
    page = open_page(address)
    held = Held()
    play(page, (held for _ in count()))
    start(page)
    expect(page.locator("#held")).to_contain_text("calls left out")
    page.get_by_role("button", name="Stop").click()
    assert len(held.calls) <= CALLS_IN_FLIGHT
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#held")).to_be_hidden()
    answer()(held.calls[0])
    page.wait_for_timeout(200)
    expect(page.locator("#tiles li")).to_have_count(0)
    assert rows(page) == {"All": Counts(0, 0, 0)}


def test_it_does_not_grow(open_page: OpenPage, address: str) -> None:
    """However many answers, routes and pods: the newest are kept by name, and the sums stay right."""
    page = open_page(address)
    answers = KEPT_TILES + 20
    play(page, (answer(f"route-{n // 20}", f"v{n % 2 + 1}", f"pod-{n // 8}") for n in range(answers)))
    start(page)
    wait_for_sum(page, Counts(answers // 2, answers // 2, errors=0))
    page.get_by_role("button", name="Stop").click()
    assert page.locator("#tiles li").count() == KEPT_TILES
    counts = rows(page)
    assert len(counts) == KEPT_ROUTES + len({"earlier", "All"})
    assert counts.pop("All") == Counts(answers // 2, answers // 2, 0)
    assert tuple(map(sum, zip(*counts.values(), strict=True))) == (answers // 2, answers // 2, 0)
    assert len(pods(page)) == KEPT_PODS + len({"earlier"})
    assert pods(page).total() == answers


def test_nothing_else_runs_in_it(open_page: OpenPage, address: str) -> None:
    """A script that somebody brings into the page does not run: the policy names the page's own."""
    page = open_page(address, allowed_console="Content Security Policy")
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), { text: 'stolen = 1' }))")
    assert page.evaluate("typeof stolen") == "undefined"
