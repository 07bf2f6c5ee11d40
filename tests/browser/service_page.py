"""The service's page as the tests read and use it."""

from collections import Counter
from typing import NamedTuple

from playwright.sync_api import Page, expect


class Counts(NamedTuple):
    """A row of a table on the page, or what servers have counted."""

    v1: int
    v2: int
    errors: int

    @property
    def total(self) -> int:
        """All answers."""
        return sum(self)


def rows(page: Page) -> dict[str, Counts]:
    """Read the table by route in one go, with the sum as `All`."""
    read = "rows => rows.map(({ cells: [name, ...counts] }) => [name.innerText, counts.map((c) => +c.firstChild.data)])"
    return {name: Counts(*counts) for name, counts in page.locator("#routes tr, #total tr").evaluate_all(read)}


def pods(page: Page) -> Counter[str]:
    """Read how many answers came from each pod."""
    read = "rows => rows.map(({ cells }) => [cells[1].innerText, +cells[2].firstChild.data])"
    return Counter(dict(page.locator("#pods tr").evaluate_all(read)))


def start(page: Page, calls_per_second: int = 50) -> None:
    """Let the page call."""
    page.get_by_role("slider").fill(str(calls_per_second))
    page.get_by_role("button", name="Start").click()


def wait_for_tiles(page: Page, count: int) -> None:
    """Wait until the page shows `count` answers."""
    expect(page.locator("#tiles .tile").nth(count - 1)).to_be_attached()
