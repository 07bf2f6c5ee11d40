"""The course of a measurement in bounded memory: `canary_loadtest.core.history`."""

from collections import Counter
from itertools import pairwise
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.history import ANOTHER_ROUTE, FIRST_SPACING_SECONDS, MOST_POINTS, History
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.rules import look, rule_for
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally

labels = st.sampled_from([CANARY, STABLE, "status_503"])
steps = st.tuples(st.floats(0, 1e4), st.lists(labels, max_size=4))


def recorded(*looks: tuple[float, list[Answer]], route: str | None = None) -> History:
    """Return the history of a measurement that was looked at after each of these seconds and answers."""
    session, history = Session(Expectation(30), route, keep_going=True), History()
    for seconds, answers in looks:
        for answer in answers:
            session.add(answer)
        history.record(seconds, session)
    return history


@given(st.lists(steps, min_size=1, max_size=40), st.integers(1, 40))
def test_the_newest_point_is_the_tally_and_the_memory_is_bounded(
    made: list[tuple[float, list[str]]], times: int
) -> None:
    """For any counts at any times it is in order, has the first and the newest look, and is never too long."""
    session, history, now = Session(Expectation(30), keep_going=True), History(), 0.0
    for seconds, more in made * times:
        now += seconds
        for label in more:
            session.add(Answer(label))
        history.record(now, session)
        newest = history.points[-1]
        assert (newest.canary, newest.stable, newest.other) == (
            session.tally.canary,
            session.tally.stable,
            session.tally.other_total,
        )
        assert newest.seconds == round(now, 2)
    assert len(history.points) <= MOST_POINTS
    assert history.points[0].seconds == round(made[0][0], 2)
    for one, next_one in pairwise(history.points):
        assert one.seconds <= next_one.seconds
        assert (one.canary, one.stable, one.other) <= (next_one.canary, next_one.stable, next_one.other)


def test_a_long_run_is_covered_evenly() -> None:
    """Ten thousand looks leave points over the whole time, none much farther apart than the others."""
    session, history = Session(Expectation(30)), History()
    for number in range(10_000):
        history.record(number * FIRST_SPACING_SECONDS, session)
    seconds = [point.seconds for point in history.points]
    gaps = [after - before for before, after in pairwise(seconds[:-1])]
    assert max(gaps) < 2 * min(gaps)
    assert MOST_POINTS / 2 <= len(seconds) <= MOST_POINTS
    assert (seconds[0], seconds[-1]) == (0, 9_999 * FIRST_SPACING_SECONDS)


def test_the_columns_are_the_points() -> None:
    """What a page gets has one list for each attribute, all of one length."""
    history = recorded((0, []), (1, [Answer(CANARY, "70-30"), Answer(STABLE, "70-30")]))
    columns = history.columns()
    assert columns["seconds"] == [0, 1]
    assert columns["canary"] == columns["stable"] == [0, 1]
    assert columns["route"] == [None, "70-30"]
    assert {len(column) for column in columns.values()} == {2}


def test_a_change_of_route_shows_once_its_answers_are_alone() -> None:
    """While answers come by both, the old one stands; what is judged ends with the change."""
    old, new = Answer(STABLE, "70-30"), Answer(CANARY, "0-100")
    history = recorded((1, [old]), (2, [old, new]), (3, [new]), (4, []), (5, [old]))
    assert [point.route for point in history.points] == ["70-30", "70-30", "0-100", "0-100", "70-30"]
    assert [point.evidence_for is None for point in history.points] == [False, True, True, True, True]


def test_a_change_before_the_first_look_shows_after_it() -> None:
    """Where the first look finds answers by both routes already, the earlier one is the old one."""
    old, new = Answer(STABLE, "70-30"), Answer(CANARY, "0-100")
    history = recorded((1, [old, new]), (2, [new]))
    assert [point.route for point in history.points] == ["70-30", "0-100"]


def test_with_an_expected_route_any_other_is_another() -> None:
    """Answers by a route that is not counted show as such, before the expected one and after it."""
    old, new = Answer(STABLE, "70-30"), Answer(CANARY, "0-100")
    history = recorded((1, [old]), (2, [new]), (3, [old]), route="0-100")
    assert [point.route for point in history.points] == [ANOTHER_ROUTE, "0-100", ANOTHER_ROUTE]


@given(
    st.sampled_from([0.0, 2.0, 10.0, 30.0, 50.0, 70.0, 100.0]),
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.integers(0, 20),
)
def test_the_evidence_reaches_one_where_the_verdict_falls(
    canary_percent: float, canary: int, stable: int, other: int
) -> None:
    """The charts' threshold is the verdict's, for every rule."""
    rule = rule_for(Expectation(canary_percent))
    evidence_for, evidence_against = rule.evidence(canary, stable, other)
    outcome = look(rule, canary, stable, other)
    assert (outcome is Outcome.CONFIRMED) == (evidence_for >= 1)
    assert (outcome is Outcome.REFUTED) == (evidence_against >= 1 and evidence_for < 1)


def test_the_evidence_of_a_session_is_within_its_scale() -> None:
    """A split that could not be more wrong gives no infinite figures, which JSON has not."""
    session = Session(Expectation(98))
    session.add_all(Tally(stable=5000))
    assert session.evidence() == (-1.0, 2.0)


@pytest.mark.parametrize("canary", [0, 1])
def test_the_one_way_rule_counts_up_to_its_need(canary: int) -> None:
    """Where nothing may leak, the evidence is the part of the needed answers, and gone with the first leak."""
    session = Session(Expectation(0))
    session.add_all(Tally(canary=canary, stable=100, other=Counter()))
    needed = -(-log(0.05) // log(1 - 0.01))
    assert exp(needed * log(0.99)) <= 0.05 < exp((needed - 1) * log(0.99))
    assert session.evidence() == ((0.0, 1.0) if canary else (100 / needed, 0.0))
