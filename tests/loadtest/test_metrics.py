"""The metrics of a measurement: they say what its verdict says, and reading them changes nothing."""

import pickle
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.session import Session
from canary_loadtest.core.slowness import Slowness
from canary_loadtest.output.about import About
from canary_loadtest.output.report import as_dict
from tests.loadtest.metrics import by_verdict, exposed, reading_of, without
from tests.loadtest.simulation import drawn, fed, timed

BOTH = Expectation(30, next_weight_percent=100)
LATENCY = replace(BOTH, slowness=Slowness(1.2))
SPLIT = Expectation(30)


def file_of(session: Session) -> Mapping[str, Any]:
    """Return the verdict file of a session."""
    return as_dict(session.verdict(), About("http://127.0.0.1"))


SESSIONS: Mapping[str, tuple[Expectation, Iterable[Answer], str, str]] = {
    "nothing counted": (BOTH, [], "INCONCLUSIVE", "UNDECIDED"),
    "right": (BOTH, drawn(3000), "CONFIRMED", "NOT WORSE"),
    "a wrong split": (replace(BOTH, canary_percent=50.0), drawn(3000), "REFUTED", ""),
    "a canary that fails": (BOTH, drawn(3000, every=5), "REFUTED", "WORSE"),
    "a canary that fails without a name": (BOTH, drawn(2000, every=5, named=False), "INCONCLUSIVE", "UNDECIDED"),
    "a slow canary": (LATENCY, timed(8000, times=2), "REFUTED", ""),
    "the split alone": (SPLIT, drawn(3000), "CONFIRMED", ""),
    "all of it": (Expectation(100, next_weight_percent=100), [Answer(CANARY)] * 400, "CONFIRMED", ""),
    "two routes": (BOTH, [Answer(CANARY, "a"), Answer(STABLE, "b")], "INCONCLUSIVE", "UNDECIDED"),
}


@pytest.mark.parametrize("name", SESSIONS)
def test_metrics_and_verdict_file_say_the_same(name: str) -> None:
    """Findings, shares and counts are those of the file, to the digit, and a null there is no series here."""
    expectation, answers, outcome, errors = SESSIONS[name]
    session = fed(Session(expectation), answers)
    series = exposed(reading_of(session, ended=True))
    assert without(series) == by_verdict(file_of(session))
    assert series["canary_verdict", outcome] == 1
    assert not errors or series["canary_health", errors, "errors"] == 1
    assert series["canary_run_ended",] == 1


def test_evidence_and_answers_to_go_are_those_of_the_page() -> None:
    """Evidence is a fraction of what the finding takes: 1 at the verdict; what cannot be judged has no series."""
    session = Session(BOTH)
    answers = drawn(3000)
    early = exposed(reading_of(fed(session, islice(answers, 200))))
    assert early["canary_answers_to_go",] > 100
    at_verdict = exposed(reading_of(fed(session, answers)))
    assert at_verdict["canary_answers_to_go",] == 0
    of_both = ("canary_split_evidence_ratio", "CONFIRMED"), ("canary_health_evidence_ratio", "NOT WORSE")
    assert max(early[key] for key in of_both) < 1 <= min(at_verdict[key] for key in of_both)
    assert at_verdict["canary_split_evidence_ratio", "REFUTED"] < 1
    assert at_verdict["canary_health_evidence_ratio", "WORSE"] < 1
    two_routes = exposed(reading_of(fed(Session(BOTH), [Answer(CANARY, "a"), Answer(STABLE, "b")])))
    names = {name for name, *_ in two_routes}
    assert not names & {"canary_split_evidence_ratio", "canary_health_evidence_ratio", "canary_answers_to_go"}


@pytest.mark.parametrize("expectation", [SPLIT, BOTH, LATENCY], ids=["split", "errors", "latency"])
def test_reading_changes_nothing(expectation: Expectation) -> None:
    """A session that is read often has the state of one that is never read, and so the verdict."""
    read, unread = Session(expectation, keep_going=True), Session(expectation, keep_going=True)
    for number, one in enumerate(drawn(400, every=12)):
        if number % 9 == 0:
            reading_of(read)
        fed(read, [one])
        fed(unread, [one])
    assert pickle.dumps(read) == pickle.dumps(unread)
    read.verdict()  # a look is no reading
    assert (pickle.dumps(read) == pickle.dumps(unread)) is not expectation.compares


def test_a_worse_that_no_look_has_found_is_not_shown() -> None:
    """Between two looks the counts may have it and lose it again, of which the verdict knows nothing."""
    session = Session(BOTH)
    for one in drawn(1500, every=20):
        fed(session, [one])
        _, worse = session.canary_evidence() or (0.0, 0.0)
        if worse >= 1:
            break
    assert not session.decided
    seen = session.verdict(with_look=False)
    assert seen.health is not None
    assert seen.health.health is Health.WORSE
    series = exposed(reading_of(session))
    assert series["canary_health", "UNDECIDED", "errors"] == 1
    assert series["canary_verdict", "INCONCLUSIVE"] == 1
    series = exposed(reading_of(session, ended=True))
    assert series["canary_health", "WORSE", "errors"] == series["canary_verdict", "REFUTED"] == 1
