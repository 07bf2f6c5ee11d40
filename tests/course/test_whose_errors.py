"""Step 7 is done when errors were held without a name and REFUTED the canary with one, and 70/30 was CONFIRMED."""

from dataclasses import replace

import pytest

from scripts.course.rules import whose_errors
from scripts.course.rules.calls import Calls
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Verdict
from scripts.course.steps.whose_errors import DESTINATION_HEADER
from scripts.course.why import named
from tests.course.verdict_cases import FEW, PODS, PROOF, REFUTED, SPLIT, UNPROVED, assert_cause, of
from tests.support.repository import text_of

RIGHT = Calls(20, {(200, "v1"): 14, (200, "v2"): 6})
ERRING = Calls(20, {(200, "v1"): 14, (503, ""): 6})
STOPPED = replace(SPLIT, pods={**PODS, "v2": []})
CAUSE = whose_errors.CAUSE
HELD = replace(FEW, file="nameless.json", others={"status_503": 30}, drawn_unknown=30)
WORSE = replace(REFUTED, file="named.json", others={"status_503": 9}, health="WORSE")
BOTH = [HELD, WORSE]


@pytest.mark.parametrize(
    ("calls", "traffic", "answer", "verdicts", "cause"),
    [
        (ERRING, STOPPED, "", [], "no_held"),
        (ERRING, STOPPED, "", [replace(HELD, drawn_unknown=0)], "no_held"),
        (ERRING, STOPPED, "", [FEW], "no_held"),
        (ERRING, STOPPED, CAUSE, [WORSE], "no_held"),
        (ERRING, STOPPED, CAUSE, [HELD], "no_refuted"),
        (ERRING, STOPPED, CAUSE, [HELD, replace(WORSE, health="")], "no_refuted"),
        (RIGHT, SPLIT, CAUSE, [PROOF], "repaired_before"),
        (RIGHT, SPLIT, CAUSE, [HELD, PROOF], "repaired_before"),
        (RIGHT, SPLIT, CAUSE, [WORSE, PROOF], "repaired_before"),
        (ERRING, STOPPED, "", BOTH, "no_cause"),
        (ERRING, STOPPED, "v2", BOTH, "unknown_cause"),
        (ERRING, STOPPED, "a-subset-that-is-not-defined", BOTH, "other_cause"),
        *((ERRING, traffic, CAUSE, [*BOTH, *verdicts], cause) for cause, traffic, verdicts in UNPROVED[:5]),
        (RIGHT, SPLIT, CAUSE, [HELD, replace(WORSE, route="")], "no_verdict"),
        (RIGHT, SPLIT, CAUSE, [HELD, replace(WORSE, route="70-30")], "not_confirmed"),
        (RIGHT, SPLIT, CAUSE, [*BOTH, PROOF], "done"),
    ],
)
def test_errors_are_met_named_and_repaired(
    calls: Calls, traffic: Traffic | None, answer: str, verdicts: list[Verdict], cause: str
) -> None:
    """Each way to be not done has its own cause; what was repaired before it was measured is said."""
    assert_cause(whose_errors.judged(calls, traffic, named(answer), of(*verdicts)), cause)


def test_the_state_of_the_beginning_names_no_destination_and_all_else() -> None:
    """The header of both destinations is left out, and the route's own stays."""
    state = DESTINATION_HEADER.sub("", text_of("istio/virtual-service-70-30.yaml"))
    assert "x-canary-subset" not in state
    assert state.count("weight:") == 2
    assert state.endswith('x-canary-route: "70-30"\n')
    assert state.count("headers:") == 1
