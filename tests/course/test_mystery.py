"""Step 8 is done when the learner's own fault is named and repaired, and 70/30 was CONFIRMED."""

from collections import Counter
from dataclasses import replace

import pytest

from scripts.course.bench import RULE, state_text
from scripts.course.rules import mystery
from scripts.course.rules.mystery import HINTS, NO_SUBSET, SHARED_LABEL, SWAPPED, broken, fault_of
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Verdict
from scripts.course.why import named
from tests.course.verdict_cases import PODS, PROOF, SPLIT, UNPROVED, assert_cause, of

# What Envoy serves with each fault: the route's name and the pods are what they are in the lab.
SERVED = {
    SWAPPED: (replace(SPLIT, pods={"v1": ["v2", "v2"], "v2": ["v1", "v1"]}), "astray"),
    SHARED_LABEL: (replace(SPLIT, pods={**PODS, "v2": ["v1", "v1", "v2", "v2"]}), "astray"),
    NO_SUBSET: (
        Traffic("70-30", {"v1": 70, "micro-api": 30}, {"v1": ["v1", "v1"], "micro-api": ["v1", "v2"]}),
        "weights",
    ),
}


@pytest.mark.parametrize(
    ("traffic", "answer", "verdicts", "cause"),
    [
        (SERVED[SWAPPED][0], "", [], "no_cause"),
        (SPLIT, "", [PROOF], "no_cause"),
        (SPLIT, "swapped", [PROOF], "unknown_cause"),
        (SPLIT, SHARED_LABEL, [PROOF], "other_cause"),
        *((traffic, SWAPPED, verdicts, cause) for cause, traffic, verdicts in UNPROVED),
        (SPLIT, SWAPPED, [PROOF], "done"),
    ],
)
def test_the_fault_is_named_and_repaired(
    traffic: Traffic | None, answer: str, verdicts: list[Verdict], cause: str
) -> None:
    """Each way to be not done has its own cause; no answer is helped by what is served."""
    assert_cause(mystery.judged(traffic, SWAPPED, named(answer), of(*verdicts)), cause)


@pytest.mark.parametrize("fault", HINTS)
def test_a_fault_that_is_named_only_is_not_repaired(fault: str) -> None:
    """What is served shows each of the three, also where a verdict says CONFIRMED."""
    traffic, cause = SERVED[fault]
    assert_cause(mystery.judged(traffic, fault, named(fault), of(PROOF)), cause)


@pytest.mark.parametrize("fault", HINTS)
def test_each_fault_is_a_cause_of_the_page_and_has_hints_that_do_not_name_it(fault: str) -> None:
    """Before a cause is named nothing that is said shows which fault it is, but the later hints."""
    assert named(fault).cause == fault
    findings = [mystery.judged(None, one, named(""), of()) for one in HINTS]
    assert len({(one.saw, one.look, one.hints[0]) for one in findings}) == 1
    assert not any(fault in hint for hint in mystery.judged(None, fault, named(""), of()).hints)


@pytest.mark.parametrize("fault", HINTS)
def test_a_fault_changes_one_of_the_two_texts(fault: str) -> None:
    """The route keeps its weights and its name."""
    whole = (state_text("70-30"), RULE.read_text(encoding="utf-8"))
    state, rule = broken(fault, *whole)
    assert (state == whole[0], rule == whole[1]) == (fault != NO_SUBSET, fault == NO_SUBSET)
    assert state.count("weight: 70") == state.count("weight: 30") == state.count('"70-30"') == 1


def test_each_learner_has_a_fault_and_a_new_start_may_have_another() -> None:
    """The three are spread evenly over names, and over the starts of one."""
    drawn = Counter(fault_of(f"learner {number}", 1) for number in range(3000))
    assert set(drawn) == set(HINTS)
    assert all(900 < count < 1100 for count in drawn.values())
    assert {fault_of("Ada", attempt) for attempt in range(1, 30)} == set(HINTS)
