"""Step 4 is done when a run saw a shift and lost nothing, and the new state was CONFIRMED by itself."""

from dataclasses import replace

import pytest

from scripts.course.rules import shift_under_load
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Verdict
from tests.course.verdict_cases import FEW, PROOF, SPLIT, STABLE, UNPROVED, assert_cause, of

ACROSS = replace(FEW, file="across.json", route="", routes={"100-0": 500, "70-30": 500})
ONE_ROUTE = replace(ACROSS, route="100-0", routes={"100-0": 500}, others={"wrong_route": 500})


@pytest.mark.parametrize(
    ("traffic", "verdicts", "cause"),
    [
        (STABLE, [], "no_shift"),
        (None, [], "no_shift"),
        (STABLE, [replace(ACROSS, routes={"100-0": 1000, "70-30": 0})], "no_shift"),
        (SPLIT, [PROOF], "shifted_before"),
        (SPLIT, [replace(ACROSS, started_at_seconds=999), PROOF], "shifted_before"),
        (SPLIT, [replace(ACROSS, routes={"100-0": 500, "50-50": 500}), PROOF], "shifted_before"),
        (SPLIT, [ONE_ROUTE, PROOF], "one_route"),
        (SPLIT, [replace(ACROSS, others={"status_503": 3, "timeout": 1}), PROOF], "lost"),
        (STABLE, [ACROSS, PROOF], "weights"),
        *((traffic, [ACROSS, *verdicts], cause) for cause, traffic, verdicts in UNPROVED),
        (SPLIT, [ACROSS, PROOF], "done"),
        (SPLIT, [replace(ACROSS, others={"status_503": 3}), ACROSS, PROOF], "done"),
        (SPLIT, [replace(ACROSS, others={"wrong_route": 3}), PROOF], "done"),
    ],
)
def test_a_shift_is_seen_loses_nothing_and_is_judged(
    traffic: Traffic | None, verdicts: list[Verdict], cause: str
) -> None:
    """Each way to be not done has its own cause; a run in which requests were lost can be made again."""
    assert_cause(shift_under_load.judged(traffic, of(*verdicts)), cause)


def test_what_was_lost_is_named() -> None:
    """An answer by another route is not lost; the others are, by kind."""
    verdict = replace(ACROSS, others={"status_503": 3, "timeout": 1, "wrong_route": 9})
    saw = shift_under_load.judged(SPLIT, of(verdict)).saw
    assert saw == "across.json saw both states, and 4 requests got no right answer: 3 status_503, 1 timeout."
