"""Step 6 is done when the header alone leads to v2, and both routes were CONFIRMED."""

from dataclasses import replace

import pytest

from scripts.course.rules import for_testers_only
from scripts.course.rules.calls import Calls
from scripts.course.rules.for_testers_only import Groups
from scripts.course.rules.verdicts import Verdict
from tests.course.verdict_cases import CONFIRMED, assert_cause, of

TESTERS = replace(CONFIRMED, expected_percent=100.0, route="header-canary", answers=299, canary_answers=299)
OTHERS = replace(CONFIRMED, expected_percent=0.0, route="header-stable", answers=299, canary_answers=0)
PROOFS = [TESTERS, OTHERS]
ALL_V1 = Calls(20, {(200, "v1"): 20})
ALL_V2 = Calls(20, {(200, "v2"): 20})
NOT_FOUND = Calls(20, {(404, ""): 20})
RIGHT = Groups(ALL_V2, ALL_V1, ALL_V1)


@pytest.mark.parametrize(
    ("groups", "verdicts", "cause"),
    [
        (replace(RIGHT, testers=ALL_V1), PROOFS, "testers"),
        (replace(RIGHT, testers=Calls(20, {(200, "v2"): 19, (200, "v1"): 1})), PROOFS, "testers"),
        (replace(RIGHT, testers=NOT_FOUND), PROOFS, "testers"),
        (Groups(ALL_V2, NOT_FOUND, NOT_FOUND), PROOFS, "no_rest"),
        (Groups(ALL_V2, ALL_V2, ALL_V2), PROOFS, "others"),
        (replace(RIGHT, others=Calls(20, {(200, "v1"): 19, (200, "v2"): 1})), PROOFS, "others"),
        (replace(RIGHT, others=Calls(20, {(200, "v1"): 19})), PROOFS, "others"),
        (replace(RIGHT, cookies=ALL_V2), PROOFS, "cookies"),
        (RIGHT, [], "no_verdict"),
        (RIGHT, [TESTERS], "no_verdict"),
        (RIGHT, [OTHERS], "no_verdict"),
        (RIGHT, [replace(TESTERS, expected_percent=0.0, outcome="REFUTED", exit_code=10), OTHERS], "not_confirmed"),
        (RIGHT, [TESTERS, replace(OTHERS, outcome="INCONCLUSIVE", exit_code=11)], "not_confirmed"),
        (RIGHT, PROOFS, "done"),
    ],
)
def test_the_header_alone_leads_to_the_canary(groups: Groups, verdicts: list[Verdict], cause: str) -> None:
    """Each group of calls that reaches the other version has its own cause, and each route its proof."""
    assert_cause(for_testers_only.judged(groups, of(*verdicts)), cause)
