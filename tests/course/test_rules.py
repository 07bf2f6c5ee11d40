"""What the checks decide, from what was seen: each cause that they name, and nothing that is not the step's."""

from dataclasses import replace

import pytest

from canary_loadtest.core.message import Message
from scripts.course.rules import ten_calls, three_answers, write_a_state
from scripts.course.rules.finding import Outcome, not_yet
from scripts.course.rules.personal import HIDDEN_PERCENTS, OWN_PERCENTS, hidden_percent, own_percent
from scripts.course.rules.ten_calls import Bet
from scripts.course.rules.traffic import NO_TRAFFIC, Traffic
from scripts.course.rules.verdicts import Verdict, evidence
from tests.course.verdict_cases import CONFIRMED, FEW, MARK, REFUTED, SPLIT, URL, assert_cause, of

HIDDEN = Traffic("hidden", {"v1": 50, "v2": 50})
OWN = Traffic("85-15", {"v1": 85, "v2": 15})
THREE = [replace(CONFIRMED, expected_percent=30.0), replace(REFUTED, expected_percent=50.0), FEW]
BET = Bet("30", 1005.5)
SAID = Message("what was seen, and where to look")


def test_a_verdict_counts_by_its_mark_alone() -> None:
    """Neither one from before the start, nor one of another address; the second of the start itself counts."""
    early = replace(CONFIRMED, file="early.json", started_at_seconds=999)
    neighbour = replace(CONFIRMED, file="neighbour.json", target="http://127.0.0.1:18081")
    same_second = replace(CONFIRMED, file="same.json", started_at_seconds=1000, target=f"{URL}/")
    found = evidence([CONFIRMED, early, neighbour, same_second], MARK, unread=["notes.txt"])
    assert [one.file for one in found.counted] == ["same.json", "a.json"]
    assert found.remark == (
        " early.json was measured before this step started."
        f" neighbour.json was measured at http://127.0.0.1:18081, and this step's lab is at {URL}."
        " notes.txt is no verdict of the load test."
    )


@pytest.mark.parametrize(
    ("traffic", "bet", "verdicts", "cause"),
    [
        (SPLIT, BET, [CONFIRMED], "other_split"),
        (NO_TRAFFIC, BET, [CONFIRMED], "other_split"),
        (HIDDEN, Bet(""), [CONFIRMED], "no_bet"),
        (HIDDEN, Bet("40", 1005), [CONFIRMED], "other_bet"),
        (HIDDEN, BET, [], "no_verdict"),
        (HIDDEN, BET, [replace(CONFIRMED, started_at_seconds=999)], "no_verdict"),
        (HIDDEN, Bet("50", 1011), [CONFIRMED], "bet_after"),
        (HIDDEN, BET, [replace(CONFIRMED, expected_percent=45.0)], "too_wide"),
        (HIDDEN, BET, [replace(CONFIRMED, tolerance_points=25.0)], "too_wide"),
        (HIDDEN, BET, [REFUTED], "not_confirmed"),
        (HIDDEN, BET, [FEW], "not_confirmed"),
        (HIDDEN, BET, [REFUTED, CONFIRMED], "done"),
        (HIDDEN, Bet(" 50 % ", 1010.9), [CONFIRMED], "done"),
    ],
)
def test_ten_calls_take_a_bet_and_then_a_verdict(
    traffic: Traffic, bet: Bet, verdicts: list[Verdict], cause: str
) -> None:
    """Each way to be not done has its own cause."""
    assert_cause(ten_calls.judged(traffic, 50, bet, of(*verdicts)), cause)


@pytest.mark.parametrize(("bet", "word"), [("30", "was wrong"), ("50", "ten calls did not prove it")])
def test_a_wrong_bet_is_no_failure(bet: str, word: str) -> None:
    """Both bets are done with, and each is told what it was worth."""
    finding = ten_calls.judged(HIDDEN, 50, Bet(bet, 1005), of(CONFIRMED))
    assert finding.outcome is Outcome.DONE
    assert word in finding.saw


@pytest.mark.parametrize(
    ("traffic", "verdicts", "cause"),
    [
        (OWN, THREE, "other_split"),
        (NO_TRAFFIC, THREE, "other_split"),
        (SPLIT, [], "no_0"),
        (SPLIT, THREE[:1], "no_10"),
        (SPLIT, THREE[:2], "no_11"),
        (SPLIT, [replace(THREE[0], expected_percent=32.0), *THREE[1:]], "no_0"),
        (SPLIT, [replace(THREE[0], tolerance_points=25.0), *THREE[1:]], "no_0"),
        (SPLIT, [THREE[0], replace(THREE[1], expected_percent=30.0), FEW], "no_10"),
        (SPLIT, [*THREE[:2], replace(FEW, answers=0)], "no_11"),
        (SPLIT, [*THREE[:2], replace(FEW, target="http://127.0.0.1:1")], "no_11"),
        (SPLIT, THREE, "done"),
        (SPLIT, THREE[::-1], "done"),
    ],
)
def test_three_answers_are_all_there_and_meant(traffic: Traffic, verdicts: list[Verdict], cause: str) -> None:
    """A code that a claim reached by chance, or a target that is down, does not count."""
    assert_cause(three_answers.judged(traffic, of(*verdicts)), cause)


MINE = replace(CONFIRMED, expected_percent=15.0, route="85-15")


@pytest.mark.parametrize(
    ("traffic", "verdicts", "cause"),
    [
        (None, [MINE], "no_route"),
        (Traffic("100-0", {"v1": 100}), [MINE], "unchanged"),
        (Traffic("85-15", {"v1": 100}), [MINE], "unchanged"),
        (Traffic("85-15", {"v1": 100, "v2": 15}), [MINE], "sum"),
        (Traffic("85-15", {"v1": 85, "v2": 16}), [MINE], "sum"),
        (Traffic("85-15", {"v1": 15, "v2": 85}), [MINE], "swapped"),
        (Traffic("85-15", {"v1": 84, "v2": 16}), [MINE], "other_weights"),
        (Traffic("85-15", {"v1": 80, "v2": 15, "v3": 5}), [MINE], "other_weights"),
        (Traffic("100-0", {"v1": 85, "v2": 15}), [MINE], "name"),
        (Traffic("", {"v1": 85, "v2": 15}), [MINE], "name"),
        (OWN, [], "no_verdict"),
        (OWN, [replace(MINE, route="")], "no_verdict"),
        (OWN, [replace(MINE, expected_percent=16.0)], "not_confirmed"),
        (OWN, [replace(MINE, outcome="INCONCLUSIVE", exit_code=11)], "not_confirmed"),
        (OWN, [MINE], "done"),
        (Traffic("85-15", {"v1": 17, "v2": 3}), [MINE], "done"),
    ],
)
def test_a_state_is_served_exactly_named_and_confirmed(
    traffic: Traffic | None, verdicts: list[Verdict], cause: str
) -> None:
    """A verdict alone cannot tell 15 from 16; the weights that Envoy has can."""
    assert_cause(write_a_state.judged(traffic, 15, of(*verdicts)), cause)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"v1": 100, "v2": 15}, "a sum of 115: v2 gets 13.0 %. v1 differs from"),
        ({"v1": 85, "v2": 16}, "a sum of 101: v2 gets 15.8 %. v2 differs from"),
        ({"v1": 70, "v2": 20}, "a sum of 90: v2 gets 22.2 %. v1 and v2 differ from"),
    ],
)
def test_the_check_says_which_weight_is_wrong(weights: dict[str, int], said: str) -> None:
    """One weight that was forgotten is named."""
    assert said in write_a_state.judged(Traffic("85-15", weights), 15, of()).saw


def test_hints_say_more_and_then_repeat() -> None:
    """The last hint stays, and a finding without hints has none."""
    finding = not_yet("cause", SAID, SAID, Message("first"), Message("second"))
    assert [finding.hint(given) for given in range(4)] == ["first", "second", "second", "second"]
    assert not_yet("cause", SAID, SAID).hint(0) == ""


def test_a_name_has_the_same_values_however_it_is_typed() -> None:
    """Case, spaces and the two ways to write an accent make no difference; the values are spread over all choices."""
    assert own_percent(" Zoe\u0308  Li ") == own_percent("zo\u00eb li")
    names = [f"learner {number}" for number in range(2000)]
    assert {own_percent(name) for name in names} == set(OWN_PERCENTS)
    for percent in HIDDEN_PERCENTS:
        drawn = sum(hidden_percent(name, 1) == percent for name in names)
        assert 900 < drawn < 1100
    assert {hidden_percent("Ada", attempt) for attempt in range(1, 9)} == set(HIDDEN_PERCENTS)
