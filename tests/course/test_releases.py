"""Step 14 is done by what an engine has released: a good version by verdicts, and a bad one taken back, with proof."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from canary_loadtest.core.message import Message
from canary_loadtest.gate.rules.state import Proof, State
from scripts.course.cluster_bench import ANSWER_SECONDS, ClusterBench
from scripts.course.engine import releases
from scripts.course.errors import CannotTellError, CourseError
from scripts.course.rules.an_engine_releases import foretells, judged
from scripts.course.rules.finding import Outcome, cannot_tell
from scripts.course.rules.releases import Kept, Releases, Run, Template
from scripts.course.state import Attempt, CourseFolder
from scripts.course.steps import an_engine_releases
from tests.course.verdict_cases import assert_cause

T = TypeVar("T")
OLD = Template("old", "1.1-SNAPSHOT")
GOOD = Template("good", "1.3-SNAPSHOT")
BAD = Template("bad", "1.3-SNAPSHOT", has_errors=True)
AT_30, AT_60 = (Run("good", "2", weight, "Successful", is_confirmed=True) for weight in (30.0, 60.0))
CUT_OFF = replace(AT_60, is_confirmed=False)
FAILED = Run("bad", "3", 30.0, "Failed", is_confirmed=False)
NO_LEAK = Kept(30.0, Proof.NO_LEAK, "299 answers, none of the canary")
BEGUN = Releases(OLD, OLD, "1", "Healthy")
RELEASING = Releases(OLD, GOOD, "2", "Progressing", weight_percent=30.0)
RELEASED = Releases(GOOD, GOOD, "2", "Healthy", runs=[AT_30, AT_60])
BREAKING = replace(RELEASED, latest=BAD, revision="3", phase="Progressing", weight_percent=30.0)
BACK = replace(
    BREAKING, phase="Degraded", is_aborted=True, weight_percent=0.0, runs=[AT_30, AT_60, FAILED], kept=NO_LEAK
)


@pytest.mark.parametrize(
    ("seen", "answer", "cause"),
    [
        (None, "30", "no_rollout"),
        (BEGUN, "", "nothing_released"),
        (BEGUN, "30", "nothing_released"),
        (replace(RELEASING, latest=BAD), "", "another_first"),
        (replace(RELEASING, latest=replace(GOOD, tag="1.2-SNAPSHOT")), "", "another_first"),
        (RELEASING, "", "under_way"),
        (replace(RELEASING, phase="Paused"), "", "held"),
        (replace(RELEASING, is_aborted=True, phase="Degraded"), "", "good_taken_back"),
        (replace(RELEASED, runs=[]), "", "no_verdict"),
        (replace(RELEASED, runs=[AT_30, CUT_OFF]), "30", "no_verdict"),
        (replace(RELEASED, runs=[AT_30, replace(AT_60, revision="4")]), "30", "no_verdict"),
        (replace(RELEASED, runs=[AT_30, replace(AT_60, template="other")]), "30", "no_verdict"),
        (replace(RELEASED, stable=BAD, latest=BAD), "30", "errors_for_all"),
        (RELEASED, "", "no_prediction"),
        (RELEASED, "30", "no_bad"),
        (replace(BREAKING, latest=replace(BAD, has_errors=False)), "30", "no_errors"),
        (BREAKING, "30", "under_way"),
        (replace(BREAKING, phase="Paused"), "30", "held"),
        (replace(BACK, runs=[AT_30, AT_60], kept=Kept()), "30", "by_hand"),
        (replace(BACK, runs=[AT_30, AT_60, replace(FAILED, phase="Successful")], kept=Kept()), "30", "by_hand"),
        (replace(BACK, runs=[AT_30, AT_60, replace(FAILED, revision="5")], kept=Kept()), "30", "by_hand"),
        (replace(BACK, runs=[AT_30, AT_60, replace(FAILED, phase="Error")], kept=Kept()), "30", "no_gate"),
        (replace(BACK, weight_percent=30.0), "30", "unproved"),
        (replace(BACK, kept=replace(NO_LEAK, proof=Proof.WANTED, sentence="")), "30", "unproved"),
        (replace(BACK, kept=Kept()), "30", "unproved"),
        (replace(BACK, kept=replace(NO_LEAK, proof=Proof.LEAK)), "30", "leak"),
        (BACK, "60", "other_prediction"),
        (BACK, " 30 %", "done"),
        (replace(BACK, kept=replace(NO_LEAK, stopped_percent=60.0)), "60", "done"),
    ],
)
def test_a_good_version_goes_through_and_a_bad_one_comes_back(seen: Releases | None, answer: str, cause: str) -> None:
    """Each way to be not done has its own cause; what a hand has done is no verdict."""
    assert_cause(judged(seen, answer), cause)


@pytest.mark.parametrize(("answer", "is_meant"), [("30", True), (" 30 % ", True), ("30.0", False), ("3", False)])
def test_an_answer_is_a_weight(answer: str, is_meant: bool) -> None:  # noqa: FBT001 - a case
    """As a person types it."""
    assert foretells(answer, 30.0) is is_meant


def test_what_was_done_is_said_in_one_sentence() -> None:
    """With the weights of both releases."""
    assert judged(BACK, "30").saw == (
        "1.3-SNAPSHOT was released by verdicts at 30 and 60 %; 1.3-SNAPSHOT with errors was stopped at 30 %, as you "
        "said, and it is proved by traffic that nothing of it is left."
    )


def test_what_was_released_is_read_from_the_objects() -> None:
    """Stable, the last release, the weight, the questions and what the gate keeps, as after a way back."""
    assert releases(objects()) == replace(BACK, kept=replace(NO_LEAK, sentence="proved"))


def test_what_the_gate_keeps_of_another_release_is_not_counted() -> None:
    """Nor is an empty state anything."""
    for data in (None, {"state.json": json.dumps(State("bad revision 3 of another time").to_dict())}):
        found = releases([one | ({"data": data} if one["kind"] == "ConfigMap" else {}) for one in objects()])
        assert found is not None
        assert found.kept == Kept()


def test_a_run_that_was_cut_off_is_not_confirmed() -> None:
    """Its phase says Successful."""
    cut_off = run(GOOD, "2", 60, "Successful", successful=0)
    found = releases([*(one for one in objects() if one["kind"] != "AnalysisRun"), cut_off])
    assert found is not None
    assert found.runs == [CUT_OFF]


def test_a_namespace_without_the_rollout_has_no_release() -> None:
    """As after a removal."""
    assert releases([]) is None
    assert releases([one for one in objects() if one["kind"] != "Rollout"]) is None


@pytest.mark.parametrize("kind", ["ReplicaSet", "VirtualService", "ConfigMap"])
def test_objects_of_which_one_is_missing_are_refused(kind: str) -> None:
    """The check cannot tell then."""
    with pytest.raises((LookupError, ValueError)):
        releases([one for one in objects() if one["kind"] != kind])


def test_a_rollout_without_a_status_is_refused() -> None:
    """As in the moment after it was made."""
    with pytest.raises((LookupError, ValueError)):
        releases([one | ({"status": {}} if one["kind"] == "Rollout" else {}) for one in objects()])


@dataclass(frozen=True)
class Recorder(ClusterBench):
    """A bench whose commands are recorded, and end with given codes, on a cluster with given objects."""

    listed: list[dict[str, Any]] | None = None
    codes: list[int] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def url(self) -> str:
        """Return an address."""
        return "http://127.0.0.1:1"

    def make(self, *commands: str) -> None:
        """Record the commands."""
        self.made.extend(commands)

    def seen(self, command: str, read: Callable[[Any], T], seconds: float = ANSWER_SECONDS) -> T:  # noqa: ARG002 - as the bench has it
        """Return what is read from the objects, or raise as a cluster does that does not answer."""
        if self.listed is None:
            raise CannotTellError(cannot_tell("no_cluster", Message("not found."), Message("There.")))
        return read({"metadata": {}, "items": self.listed})

    def missing(self, deployment: str, namespace: str) -> str:
        """Return what is said of a cluster that does not answer."""
        return "" if self.listed is not None else f"{deployment} of {namespace} not found"

    def type(self, *argv: str) -> int:
        """Record the words that say what is done, and return the next code."""
        self.typed.append(" ".join(argv[2:4]))
        return self.codes.pop(0)


def recorder(listed: list[dict[str, Any]] | None, *codes: int) -> Recorder:
    """Return a bench with objects, for commands that end with these codes."""
    return Recorder(CourseFolder(Path()), "Ada", "an_engine_releases", Attempt(1, "abc123"), listed, list(codes))


def test_a_step_begins_with_a_service_that_was_deployed_again() -> None:
    """Nothing is left of a release before."""
    bench = recorder([])
    an_engine_releases.start(bench)
    assert [line.split()[-1] for line in bench.made] == ["remove", "deploy"]


def test_a_cluster_without_the_engine_is_told_how_it_gets_it() -> None:
    """And nothing is removed."""
    bench = recorder(None)
    with pytest.raises(
        CourseError, match=r"engine\.sh --engine argo-rollouts` installs it.* \(argo-rollouts of argo-rollouts not"
    ):
        an_engine_releases.start(bench)
    assert bench.made == []


def test_the_check_reads_the_objects() -> None:
    """Of the service's namespace."""
    bench = recorder(objects())
    assert an_engine_releases.check(replace(bench, attempt=replace(bench.attempt, answer="30"))).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("codes", "typed"),
    [
        ([0, 0, 0, 0, 0, 0], ["patch", "wait", "wait", "patch", "wait", "logs"]),
        ([0, 0, 0, 0, 1], ["patch", "wait", "wait", "patch", "wait"]),
        ([0, 0, 0, 1], ["patch", "wait", "wait", "patch"]),
        ([0, 0, 1], ["patch", "wait", "wait"]),
        ([0, 1], ["patch", "wait"]),
        ([1], ["patch"]),
    ],
)
def test_a_release_begins_after_the_one_before(
    capsys: pytest.CaptureFixture[str], codes: list[int], typed: list[str]
) -> None:
    """The solution ends where a command fails, and answers once the good version is released."""
    bench = recorder(objects(), *codes)
    answer = an_engine_releases.solve(bench).answer
    assert [words.split()[0] for words in bench.typed] == typed
    assert answer == ("30" if len(typed) > 3 else "")
    assert ("answer 30" in capsys.readouterr().out) == bool(answer)


@pytest.mark.parametrize(("stable", "made"), [("old", 0), ("good", 2)])
def test_a_service_that_is_new_is_not_deployed_again(stable: str, made: int) -> None:
    """The solution begins where the step does."""
    status = {"currentPodHash": stable, "stableRS": stable, "phase": "Healthy"}
    bench = recorder([one | ({"status": status} if one["kind"] == "Rollout" else {}) for one in objects()], 1)
    an_engine_releases.solve(bench)
    assert len(bench.made) == made


def test_a_proof_that_does_not_come_ends_the_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the end the check says what is missing."""
    monkeypatch.setattr(an_engine_releases, "PROOF_SECONDS", 0.1)
    monkeypatch.setattr(an_engine_releases, "PAUSE_SECONDS", 0.01)
    bench = recorder([one for one in objects() if one["kind"] != "Rollout"], *[0] * 6)
    an_engine_releases.solve(bench)
    assert bench.typed[-1].startswith("logs")


CREATED = "2026-11-30T16:00:00Z"


def item(kind: str, name: str, metadata: dict[str, Any] | None = None, **members: object) -> dict[str, Any]:
    """Return an object."""
    return {"kind": kind, "metadata": {"name": name, "labels": {}, **(metadata or {})}, **members}


def replica_set(template: Template) -> dict[str, Any]:
    """Return the ReplicaSet of a template."""
    env = [{"name": "POD_NAME", "valueFrom": {}}]
    env += [{"name": "SERVICE_ERROR_RATIO", "value": "0.05" if template.has_errors else "0"}]
    container = {"image": f"micro-api:{template.tag}", "env": env}
    labels = {"rollouts-pod-template-hash": template.name}
    return item(
        "ReplicaSet", template.name, {"labels": labels}, spec={"template": {"spec": {"containers": [container]}}}
    )


def run(template: Template, revision: str, weight: int, phase: str, *, successful: int) -> dict[str, Any]:
    """Return an AnalysisRun."""
    metadata = {
        "labels": {"rollouts-pod-template-hash": template.name},
        "annotations": {"rollout.argoproj.io/revision": revision},
    }
    status = {"phase": phase, "metricResults": [{"name": "verdict", "successful": successful, "inconclusive": 3}]}
    args = [{"name": "release", "value": template.name}, {"name": "weight", "value": str(weight)}]
    return item("AnalysisRun", f"{template.name}-{weight}", metadata, spec={"args": args}, status=status)


def objects() -> list[dict[str, Any]]:
    """Return the objects of a namespace after a bad version was taken back."""
    istio = {
        "virtualService": {"name": "micro-api-route", "routes": ["canary"]},
        "destinationRule": {"stableSubsetName": "stable", "canarySubsetName": "canary"},
    }
    canary = {"steps": [{"setWeight": 30}, {"setWeight": 60}], "trafficRouting": {"istio": istio}}
    counts = {"format": 1, "tested": {}, "steps": [], "epochs": [], "latency": None, "stopped": [30, "errors"]}
    state = State(f"bad revision 3 of {CREATED}", counts, Proof.NO_LEAK, 0.0, "proved")
    route = [{"destination": {"subset": "stable"}, "weight": 100}, {"destination": {"subset": "canary"}, "weight": 0}]
    return [
        item(
            "Rollout",
            "micro-api",
            {"annotations": {"rollout.argoproj.io/revision": "3"}, "creationTimestamp": CREATED},
            spec={"strategy": {"canary": canary}},
            status={"currentPodHash": "bad", "stableRS": "good", "phase": "Degraded", "abort": True},
        ),
        run(GOOD, "2", 30, "Successful", successful=1),
        run(GOOD, "2", 60, "Successful", successful=1),
        run(BAD, "3", 30, "Failed", successful=0),
        *map(replica_set, (OLD, GOOD, BAD)),
        item("ReplicaSet", "micro-api-gate-1"),
        item("ConfigMap", "kube-root-ca.crt"),
        item("ConfigMap", "micro-api-gate", data={"state.json": json.dumps(state.to_dict())}),
        item("VirtualService", "micro-api-route", spec={"http": [{"name": "canary", "route": route}]}),
    ]
