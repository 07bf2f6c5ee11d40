"""Step 5 is done when the answers are right again, the cause of the 404 is named, and 70/30 was CONFIRMED."""

from dataclasses import replace

import pytest

from scripts.course.rules import order_and_names
from scripts.course.rules.calls import Calls
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Verdict
from scripts.course.why import named
from tests.course.verdict_cases import PROOF, SPLIT, UNPROVED, assert_cause, of

RIGHT = Calls(20, {(200, "v1"): 14, (200, "v2"): 6})
UNAVAILABLE = Calls(20, {(503, ""): 20})
CAUSE = order_and_names.CAUSE


@pytest.mark.parametrize(
    ("calls", "traffic", "answer", "verdicts", "cause"),
    [
        (Calls(20, {(404, ""): 20}), None, CAUSE, [PROOF], "not_found"),
        (UNAVAILABLE, replace(SPLIT, pods={"v1": [], "v2": []}), CAUSE, [PROOF], "no_subsets"),
        (UNAVAILABLE, SPLIT, CAUSE, [PROOF], "errors"),
        (Calls(20, {(200, "v1"): 19}), SPLIT, CAUSE, [PROOF], "errors"),
        (RIGHT, SPLIT, "", [PROOF], "no_cause"),
        (RIGHT, SPLIT, "404", [PROOF], "unknown_cause"),
        (RIGHT, SPLIT, "the-subsets-do-not-exist-yet", [PROOF], "other_cause"),
        *((RIGHT, traffic, CAUSE, verdicts, cause) for cause, traffic, verdicts in UNPROVED[2:]),
        (RIGHT, SPLIT, CAUSE, [PROOF], "done"),
    ],
)
def test_names_and_order_are_right_and_the_cause_is_known(
    calls: Calls, traffic: Traffic | None, answer: str, verdicts: list[Verdict], cause: str
) -> None:
    """Each way to be not done has its own cause, what clients feel first."""
    assert_cause(order_and_names.judged(calls, traffic, named(answer), of(*verdicts)), cause)


def test_calls_are_said_in_words() -> None:
    """Statuses, versions, and calls without an answer are told apart."""
    assert str(Calls(20, {(503, ""): 6, (200, "v1"): 13})) == (
        "of 20 calls 13 got 200 from v1, 6 got 503, 1 got no answer in time"
    )
    assert not Calls(0, {}).are_right
    assert not Calls(0, {}).are_all_of("v1")
    assert Calls(20, {(200, "v2"): 20}).are_all_of("v2")
    assert not RIGHT.are_all_of("v1")
