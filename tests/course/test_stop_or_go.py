"""Step 9 is done when a release has ended as its verdicts say: stopped and proved, or each weight with a go-ahead."""

from dataclasses import replace

import pytest

from scripts.course.rules import stop_or_go
from scripts.course.rules.stop_or_go import BAD, GOOD, quality
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Verdict
from tests.course.verdict_cases import CONFIRMED, FEW, STABLE, assert_cause, of

AT_10 = replace(
    CONFIRMED, file="10.json", expected_percent=10.0, route="90-10", health="NOT WORSE", started_at_seconds=1010
)
AT_50 = replace(AT_10, file="50.json", expected_percent=50.0, route="50-50", started_at_seconds=1020)
AT_100 = replace(AT_10, file="100.json", expected_percent=100.0, route="0-100", health="", started_at_seconds=1030)
WORSE = replace(AT_10, outcome="REFUTED", exit_code=10, health="WORSE")
BACK = replace(CONFIRMED, file="back.json", expected_percent=0.0, route="100-0", started_at_seconds=1020)
FIRST = Traffic("90-10", {"v1": 90, "v2": 10}, {"v1": ["v1"], "v2": ["v2"]})
LAST = Traffic("0-100", {"v2": 100}, {"v2": ["v2"]})
GOES = [AT_10, AT_50, AT_100]


@pytest.mark.parametrize("kind", [GOOD, BAD])
@pytest.mark.parametrize(
    ("traffic", "verdicts", "cause"),
    [
        (STABLE, [], "no_verdict"),
        (FIRST, [], "no_verdict"),
        (FIRST, [replace(AT_10, route="")], "no_verdict"),
        (FIRST, [replace(AT_10, health="")], "only_split"),
        (FIRST, [replace(AT_10, outcome="INCONCLUSIVE")], "no_go_ahead"),
        (FIRST, [replace(AT_10, outcome="REFUTED")], "no_go_ahead"),
        (FIRST, [replace(AT_10, expected_percent=9.0)], "only_split"),
        (FIRST, [replace(AT_10, tolerance_points=9.0)], "only_split"),
        (FIRST, [AT_10], "no_verdict"),
        (LAST, [AT_10, AT_100], "no_verdict"),
        (LAST, [AT_10, replace(AT_50, started_at_seconds=1009), AT_100], "only_split"),
        (FIRST, GOES, "weights"),
        (FIRST, [WORSE], "not_stopped"),
        (None, [WORSE], "not_stopped"),
        (LAST, [WORSE, *GOES], "not_stopped"),
        (STABLE, [WORSE], "no_verdict"),
        (STABLE, [WORSE, replace(BACK, started_at_seconds=1009)], "no_verdict"),
        (STABLE, [WORSE, replace(BACK, outcome="INCONCLUSIVE")], "not_confirmed"),
        (replace(STABLE, name="mine"), [WORSE, BACK], "name"),
        (STABLE, [WORSE, BACK], "done"),
        (STABLE, [AT_10, replace(WORSE, route="50-50", started_at_seconds=1015), BACK], "done"),
    ],
)
def test_a_release_is_stopped_or_goes_on(
    kind: str, traffic: Traffic | None, verdicts: list[Verdict], cause: str
) -> None:
    """What is said before the end is the same of a good canary and of a bad one."""
    assert_cause(stop_or_go.judged(traffic, kind, of(*verdicts)), cause)


def test_a_good_canary_is_released_and_a_bad_one_is_not() -> None:
    """Where every weight has its go-ahead, the canary has to be good."""
    assert_cause(stop_or_go.judged(LAST, GOOD, of(*GOES)), "done")
    assert_cause(stop_or_go.judged(LAST, BAD, of(*GOES)), "released_bad")
    assert_cause(stop_or_go.judged(LAST, GOOD, of(FEW, *GOES)), "done")


def test_two_of_three_releases_are_bad() -> None:
    """And each learner's own: another start is another release."""
    found = [quality(f"learner {number}", 1) for number in range(3000)]
    assert 0.63 < found.count(BAD) / len(found) < 0.70
    assert [quality("Ada", number) for number in (1, 2, 3)] == [BAD, BAD, GOOD]
