"""What the programs print for a person fits a terminal of 80 columns."""

from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from canary_loadtest.core.connections import Connections
from canary_loadtest.core.contract import ROW_NAMES
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.message import translated
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.output.language import CATALOGUE, FOLDER, read
from canary_loadtest.output.report import progress_line, table
from canary_loadtest.runner.wording import LIVE_NEXT_STEPS
from tests.docs.programs import PROGRAMS, help_of
from tests.support.text import too_long

BILLION: Final = 10**9
OWN_GROUP: Final = "\nCanary split:\n"
TALLIES: Final = (
    Tally(canary=3 * BILLION, stable=7 * BILLION),
    Tally(canary=5 * BILLION, stable=5 * BILLION, settling=BILLION),
    Tally(canary=BILLION, stable=BILLION, other=Counter(unexpected_content_type=BILLION, connection_error=BILLION)),
    Tally(canary=BILLION, stable=2 * BILLION, routes=Counter({"header-canary": BILLION, "header-stable": 2 * BILLION})),
    Tally(
        canary=BILLION,
        stable=BILLION,
        connections=Connections(canary=BILLION, stable=BILLION, pairs=2 * BILLION, changes=1),
    ),
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_help_fits(program: str) -> None:
    """Every line of a help has at most 80 characters; of Locust's help those that are ours."""
    text = help_of(program)
    if program == "python loadtest locust":
        text = text.partition(OWN_GROUP)[2].partition("\n\n")[0]
    assert text.strip()
    assert too_long(text) == []


def chinese(text: str) -> str:
    """Return a message of the load test in Chinese, of which each character takes two columns."""
    return translated(text, read(FOLDER / CATALOGUE))


@pytest.mark.parametrize("told", [str, chinese])
@pytest.mark.parametrize("tally", TALLIES)
@pytest.mark.parametrize("expectation", [Expectation(30), Expectation(33.333333, 0.123456, 0.000001), Expectation(0)])
def test_a_verdict_fits(tally: Tally, expectation: Expectation, told: Callable[[str], str]) -> None:
    """The table and the line of progress fit for billions of answers, with any verdict and reason."""
    session = Session(expectation, row_names=ROW_NAMES, next_steps=LIVE_NEXT_STEPS)
    session.add_all(tally)
    assert too_long(table(session.verdict(), told)) == []
    assert too_long(told(progress_line(session, 10_000.0, 100_000.0))) == []


def test_a_verdict_that_is_far_away_fits() -> None:
    """The line of progress fits where it has most to say: how many more answers, and the time that they take."""
    session = Session(Expectation(50, 0.1))
    session.add_all(Tally(canary=50_000, stable=50_000))
    line = progress_line(session, 100.0, 1_000.0)
    assert "(1000 left)" in line
    assert too_long(line) == []
