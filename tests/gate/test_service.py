"""A gate by itself: what it has the load test do, when, and on which counts it answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from canary_loadtest.core.answer import Answer as Received
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.release import RUN, Release
from canary_loadtest.core.session import Session
from canary_loadtest.core.slowness import Slowness
from canary_loadtest.gate import service
from canary_loadtest.gate.kubernetes import Cluster, ClusterError
from canary_loadtest.gate.rules.answers import Question, expectation_at
from canary_loadtest.gate.rules.objects import Engine, plan_of
from canary_loadtest.gate.rules.state import Proof
from canary_loadtest.gate.service import Gate, Settings
from tests.gate import api_server
from tests.gate.api_server import NAMESPACE, RELEASE, ApiServer

BASE = Expectation(50, next_weight_percent=100)
ASKED = Question("abc", 30)
JOB = f"{RELEASE} at 30 %, generation 1"


@dataclass
class Clock:
    """The clock of the gate, for tests.

    Attributes:
        now: seconds.
    """

    now: float = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock."""
    given = Clock()
    monkeypatch.setattr(service, "time", given)
    return given


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """Give the objects of a release at 30 %."""
    with api_server.serving() as given:
        yield given


def gate_of(api: ApiServer, base: Expectation = BASE, engine: Engine = Engine.ARGO_ROLLOUTS) -> Gate:
    """Return a gate that settles for 10 s."""
    settings = Settings(engine, "micro-api", "micro-api-gate", base, ("--tolerance", "5"), 10.0)
    return Gate(Cluster(api.url, NAMESPACE), settings)


def counts_of(api: ApiServer, *labels: str, weight_percent: float = 30, base: Expectation = BASE) -> dict[str, Any]:
    """Return what a load test writes that was answered so."""
    plan = plan_of(Engine.ARGO_ROLLOUTS, api.objects[api_server.ROLLOUT])
    session = Session(expectation_at(base, plan, weight_percent), keep_going=True)
    for label in labels:
        session.add(Received(label, destination=label, seconds=0.01))
    return session.added_to(Release.begin(session.expectation)).to_dict() | {RUN: session.run_to_dict()}


def enough(api: ApiServer, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - options of `counts_of`
    """Return counts that confirm 30 %."""
    return counts_of(api, *((["stable"] * 7 + ["canary"] * 3) * 400), **more)


def test_it_has_a_weight_measured_once_it_has_settled_and_for_30_seconds(api: ApiServer, clock: Clock) -> None:
    """No one asks: nothing is sent. A question begins it, and its last one ends it."""
    gate = gate_of(api)
    assert gate.job() == {"job": "rest"}
    gate.answer(ASKED)
    assert gate.job() == {"job": "rest"}
    clock.now += 10
    job = gate.job()
    assert (job["job"], job["id"]) == ("measure", JOB)
    assert " ".join(job["options"]) == (
        "--expect-canary 30 --keep-going --next-weight 60 --release-steps 2 --tolerance 5 "
        "--version-header x-pod-name --canary-version micro-api-abc-* --stable-version micro-api-old-*"
    )
    assert Release.from_dict(job["counts"]).tallies == {}
    clock.now += 20
    assert gate.job()["job"] == "measure"
    clock.now += 0.1
    assert gate.job() == {"job": "rest"}


def test_counts_are_kept_before_any_answer_rests_on_them(api: ApiServer, clock: Clock) -> None:
    """They are in the ConfigMap by then, and after five seconds they are too old."""
    gate = gate_of(api)
    assert gate.answer(ASKED).outcome is Outcome.INCONCLUSIVE
    counts = enough(api)
    assert gate.take_counts("another job", counts) is False
    assert gate.take_counts(JOB, counts)
    assert api.state["counts"] == counts
    answer = gate.answer(ASKED)
    assert (answer.outcome, answer.to_go) == (Outcome.CONFIRMED, 0)
    clock.now += 5.1
    assert gate.answer(ASKED).reason == "the last counts are 5 s old: the load test stands still"


def test_counts_from_after_a_change_of_the_weight_are_worth_nothing(api: ApiServer, clock: Clock) -> None:
    """The engine goes on at once: what the load test counts until it is stopped is of the next weight."""
    gate = gate_of(api)
    gate.answer(ASKED)
    counts = enough(api)
    job = JOB
    assert gate.take_counts(job, counts)
    assert gate.answer(ASKED).outcome is Outcome.CONFIRMED
    api.set_weight(60)
    later = counts_of(api, *((["stable"] * 7 + ["canary"] * 3) * 400), *(["canary"] * 600))
    assert later["stopped"] == [30, "split"]
    assert gate.take_counts(job, later) is False
    assert api.state["counts"] == counts
    assert gate.job() == {"job": "rest"}
    assert gate.answer(Question("abc", 60)).reason == "the load test has not handed over counts at this weight yet"
    clock.now += 10
    assert gate.job()["counts"] == counts


def test_counts_from_after_the_last_go_ahead_of_flagger_are_worth_nothing(api: ApiServer, clock: Clock) -> None:
    """It copies the canary over the primary while the route stays: all answers are the new version's, and no leak."""
    api.set_canary(30, 60, written_percent=60)
    api.set_flagger_weight(60)
    gate = gate_of(api, engine=Engine.FLAGGER)
    gate.answer(Question("abc"))
    clock.now += 10
    job = gate.job()
    api.set_canary(30, 60, phase="Promoting", written_percent=60)
    assert gate.take_counts(job["id"], counts_of(api, *(["canary"] * 600), weight_percent=60)) is False
    assert gate.job() == {"job": "rest"}
    answer = gate.answer(Question("abc"))
    assert (answer.outcome, answer.weight_percent) == (Outcome.INCONCLUSIVE, 60)
    assert answer.reason.startswith("the engine copies the new version over the old one")
    assert gate.state.proof is Proof.NONE


def test_a_step_that_the_engine_has_not_written_holds_the_release(api: ApiServer, clock: Clock) -> None:
    """Somebody gave the route a later step: that one has its own verdict, and the one that was left out has none."""
    api.set_canary(30, 60)
    api.set_flagger_weight(60)
    gate = gate_of(api, engine=Engine.FLAGGER)
    answer = gate.answer(Question("abc"))
    assert (answer.outcome, answer.begins) == (Outcome.INCONCLUSIVE, False)
    assert answer.reason == "the route gives the canary 60 %, and the engine has written 30 %: somebody else changed it"
    clock.now += 10
    assert gate.job() == {"job": "rest"}
    api.set_flagger_weight(30)
    gate.answer(Question("abc"))
    clock.now += 10
    assert " ".join(gate.job()["options"]).endswith(
        "--version-header x-pod-name --canary-version micro-api-* --stable-version micro-api-primary-*"
    )


@pytest.mark.parametrize(
    ("engine", "weight_percent", "told"),
    [
        (Engine.ARGO_ROLLOUTS, 0.0, "stable x-pod-name micro-api-abc-* micro-api-old-*"),
        (Engine.ARGO_ROLLOUTS, 100.0, "canary x-pod-name micro-api-abc-* micro-api-old-*"),
        (Engine.FLAGGER, 0.0, "stable x-pod-name micro-api-* micro-api-primary-*"),
        (Engine.FLAGGER, 100.0, "stable x-pod-name micro-api-* micro-api-primary-*"),
    ],
)
def test_the_window_expects_the_pods_that_are_to_serve(
    api: ApiServer, clock: Clock, engine: Engine, weight_percent: float, told: str
) -> None:
    """Flagger's primary serves after a release, too: the new version was copied over it."""
    api.set_canary(30, 60)
    api.set_flagger_weight(30)
    gate = gate_of(api, engine=engine)
    gate.answer(Question("abc"))
    gate.prove(weight_percent)
    clock.now += 10
    job = gate.job()
    assert (job["job"], job["weight_percent"]) == ("prove", weight_percent)
    assert " ".join([job["expected"], *job["versions"]]) == told
    api.set_rollout(30, 60, revision="3")
    api.objects.pop(api_server.CANARY)
    assert gate.job() == {"job": "rest"}


@pytest.mark.parametrize(("phase", "weight_percent"), [("Failed", 0.0), ("Succeeded", 100.0)])
def test_a_release_of_flagger_that_is_over_is_still_that_release(
    api: ApiServer, clock: Clock, phase: str, weight_percent: float
) -> None:
    """Its end changes the time that told it from others: the proof is of it all the same, and a question drops none."""
    api.set_canary(30, 60)
    api.set_flagger_weight(30)
    gate = gate_of(api, engine=Engine.FLAGGER)
    release = gate.answer(Question("abc")).release
    gate.prove(weight_percent)
    api.set_canary(30, 60, phase=phase, written_percent=0)
    api.set_flagger_weight(0)
    clock.now += 10
    assert gate.job()["job"] == "prove"
    assert gate.answer(Question("abc")).release == release
    gate.take_proof(gate.job()["id"], "299 answers", leaks=False)
    assert gate.state.proof.value == "no leak"
    assert gate_of(api, engine=Engine.FLAGGER).answer(Question("abc")).release == release
    api.set_canary(30, 60, phase=phase, written_percent=0, template="new")
    assert gate.answer(Question("new")).release.startswith("new of ")
    assert gate.state.proof is Proof.NONE


def test_a_rollout_that_was_deleted_and_made_again_has_no_counts_yet(api: ApiServer, clock: Clock) -> None:
    """Its revisions begin from 1 again, and the template may be one that was stopped."""
    gate = gate_of(api)
    gate.answer(ASKED)
    clock.now += 10
    assert gate.take_counts(JOB, enough(api))
    assert gate.answer(ASKED).outcome is Outcome.CONFIRMED
    api.set_rollout(30, 60, created="2026-11-30T08:00:00Z")
    answer = gate.answer(ASKED)
    assert (answer.outcome, answer.verdict) == (Outcome.INCONCLUSIVE, None)
    assert dict(gate.state.counts) == {}


def test_at_the_last_question_of_flagger_its_status_says_no_weight(api: ApiServer, clock: Clock) -> None:
    """The route alone has the weight then, and it must be that of the last step."""
    api.set_canary(30, 60, phase="WaitingPromotion", written_percent=0)
    api.set_flagger_weight(60)
    gate = gate_of(api, engine=Engine.FLAGGER)
    gate.answer(Question("abc"))
    clock.now += 10
    assert gate.job()["job"] == "measure"
    api.set_flagger_weight(30)
    assert "the engine has written 60 %: somebody else changed it" in gate.answer(Question("abc")).reason


def test_a_weight_that_was_away_for_a_moment_settles_again(api: ApiServer, clock: Clock) -> None:
    """Changed and put back between two looks: some answers came by the other weight."""
    gate = gate_of(api)
    gate.answer(ASKED)
    clock.now += 10
    assert gate.job()["job"] == "measure"
    api.set_weight(45)
    api.set_weight(30)
    assert gate.take_counts(JOB, enough(api)) is False
    gate.answer(ASKED)
    assert gate.job() == {"job": "rest"}


def test_the_same_counts_are_not_written_again(api: ApiServer, clock: Clock) -> None:  # noqa: ARG001 - stands still
    """They are fresh all the same."""
    gate = gate_of(api)
    gate.answer(ASKED)
    for _ in range(3):
        gate.take_counts(JOB, enough(api))
    assert [asked for asked in api.asked if asked.startswith("PATCH")] == [f"PATCH {api_server.STATE}"]


def test_a_weight_that_comes_back_goes_on_with_its_counts(api: ApiServer, clock: Clock) -> None:
    """But it settles again."""
    gate = gate_of(api)
    gate.answer(ASKED)
    gate.take_counts(JOB, counts_of(api, "stable", "canary"))
    api.set_weight(60)
    gate.answer(Question("abc", 60))
    api.set_weight(30)
    assert gate.answer(ASKED).reason == "the load test has not handed over counts at this weight yet"
    assert gate.job() == {"job": "rest"}
    clock.now += 10
    assert Release.from_dict(gate.job()["counts"]).tally_at(30).total == 2


def test_what_stands_against_the_latency_comes_along(api: ApiServer, clock: Clock) -> None:  # noqa: ARG001 - stands still
    """The gate makes no finding that the load test itself withholds."""
    base = Expectation(50, next_weight_percent=100, slowness=Slowness(2, milliseconds=50))
    gate = gate_of(api, base)
    gate.answer(ASKED)
    counts = enough(api, base=base)
    counts[RUN]["latency_objection"] = "the schedule was missed"
    gate.take_counts(JOB, counts)
    answer = gate.answer(ASKED)
    assert (answer.outcome, answer.reason) == (Outcome.INCONCLUSIVE, "the split is right, but the schedule was missed")
    counts[RUN]["latency_objection"] = ""
    gate.take_counts(JOB, counts)
    assert "too few to know that the canary takes longer than 100 ms" in gate.answer(ASKED).reason


def test_other_options_are_no_way_to_go_on(api: ApiServer, clock: Clock) -> None:  # noqa: ARG001 - stands still
    """A gate that was started with another error bound holds the release that was begun."""
    gate = gate_of(api)
    gate.answer(ASKED)
    gate.take_counts(JOB, enough(api))
    other = gate_of(api, Expectation(50, next_weight_percent=100, alpha_stop=0.05))
    other.answer(ASKED)
    other.take_counts(JOB, enough(api))
    answer = other.answer(ASKED)
    assert (answer.outcome, answer.reason) == (
        Outcome.INCONCLUSIVE,
        "the release was begun with --alpha-stop 0.001, not --alpha-stop 0.05",
    )


def test_a_second_gate_cannot_overwrite_the_first_one(api: ApiServer, clock: Clock) -> None:  # noqa: ARG001 - stands still
    """The one that did not know what was written goes on with that, by a new job."""
    first, second = gate_of(api), gate_of(api)
    job = JOB
    first.answer(ASKED)
    second.answer(ASKED)
    first.take_counts(job, enough(api))
    with pytest.raises(ClusterError, match="the object has been modified"):
        second.take_counts(job, counts_of(api, "stable"))
    assert api.state["counts"] == enough(api)
    assert second.take_counts(job, counts_of(api, "stable")) is False


@pytest.mark.parametrize("hangs", [True, False])
def test_an_api_server_that_is_away_holds_the_release(api: ApiServer, hangs: bool) -> None:  # noqa: FBT001 - a parameter
    """The answer says what was asked of it."""
    gate = gate_of(api)
    if hangs:
        api.hangs = True
    else:
        api.objects.clear()
    answer = gate.answer(ASKED)
    assert answer.outcome is Outcome.INCONCLUSIVE
    assert f"GET {api_server.ROLLOUT}: " in answer.reason
    assert ("no answer of the API server within 0.4 s" if hangs else "status 404") in answer.reason


@pytest.mark.parametrize("text", ["x", "[]", '{"format": 2}', '{"format": 1}'])
def test_a_state_that_is_none_holds_the_release_and_stays(api: ApiServer, text: str) -> None:
    """No one's ConfigMap is overwritten unasked."""
    api.set_state(text)
    answer = gate_of(api).answer(ASKED)
    assert "ConfigMap micro-api-gate: state.json: " in answer.reason
    assert "empty it to begin again" in answer.reason
    assert api.objects[api_server.STATE]["data"]["state.json"] == text
