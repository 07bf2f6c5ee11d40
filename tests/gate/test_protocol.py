"""The gate's protocol against real processes: the gate, its load test, and the lab's Envoy behind it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.lab import control
from tests.gate import api_server
from tests.gate.api_server import CREATED, RELEASE, ApiServer
from tests.gate.gates import LAB_PODS, WAIT_SECONDS, RunningGate, gate
from tests.lab.conftest import running_lab
from tests.lab.helpers import RunningLab, istio
from tests.support.processes import until

MANY = 4000
# What Flagger posts to a hook.
FLAGGER = {"name": "micro-api", "namespace": "canary-mesh", "phase": "Progressing", "checksum": "abc"}
SURE = ("--alpha-stop", "0.00001")  # a right split is refuted in one of 100,000 releases only


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Give the lab of this module."""
    with running_lab(tmp_path_factory.mktemp("lab"), replicas=1) as lab:
        yield lab


@pytest.fixture
def lab(module_lab: RunningLab) -> RunningLab:
    """Give the lab at 70/30."""
    serve(module_lab, "70-30")
    return module_lab


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """Give the objects of a release at 30 %."""
    with api_server.serving() as given:
        yield given


@pytest.fixture
def asked(api: ApiServer, lab: RunningLab, tmp_path: Path) -> Iterator[RunningGate]:
    """Give a gate with a load test."""
    with gate(api, tmp_path, lab.url, tested=SURE) as given:
        yield given


def serve(lab: RunningLab, state: str) -> None:
    """Have the lab serve a state."""
    control.shift(lab.folder, [istio(f"virtual-service-{state}.yaml"), istio("destination-rule.yaml")])


def counted(api: ApiServer) -> int:
    """Return how many answers the gate keeps at 30 %."""
    steps = api.state["counts"].get("steps", []) if api.objects[api_server.STATE]["data"] else []
    return sum(step["counts"]["canary"] + step["counts"]["stable"] for step in steps if step["weight_percent"] == 30)


def test_each_step_is_confirmed_by_its_own_answers(asked: RunningGate, api: ApiServer, lab: RunningLab) -> None:
    """At first the gate waits; then both findings hold; at the next weight it begins again."""
    first = asked.verdict()
    assert (first["outcome"], first["counts"]) == ("INCONCLUSIVE", None)
    answer = asked.until("CONFIRMED")
    assert (answer["weight_percent"], answer["next_weight_percent"]) == (30, 60)
    assert (answer["split"], answer["health"]["finding"]) == ("CONFIRMED", "NOT WORSE")
    assert (answer["release"], answer["counts"]["other"]) == (RELEASE, 0)
    api.set_rollout(30, 50)
    api.set_weight(50)
    serve(lab, "50-50")
    assert asked.verdict(weight_percent=50)["outcome"] == "INCONCLUSIVE"
    answer = asked.until("CONFIRMED", weight_percent=50)
    assert (answer["weight_percent"], answer["next_weight_percent"]) == (50, 100)
    assert [step["weight_percent"] for step in api.state["counts"]["steps"]] == [30, 50]


def test_the_old_image_may_be_the_next_canary(api: ApiServer, lab: RunningLab, tmp_path: Path) -> None:
    """What is called canary is a matter of the release: here the pods of v1 are, which the route gives 70 %."""
    api.set_rollout(30, 70)
    api.set_weight(70)
    token = ("--engine", "argo-rollouts", "--token-file", str(tmp_path / "token"))
    v1_is_new = ("--version-header=x-pod-name", "--canary-version=micro-api-v1-*", "--stable-version=micro-api-v2-*")
    route = ("--canary-destination", "stable", "--stable-destination", "canary")
    with gate(api, tmp_path, lab.url, options=(*token, *v1_is_new), tested=SURE, load_options=route) as asked:
        answer = asked.until("CONFIRMED", weight_percent=70)
    assert answer["counts"]["canary"] > answer["counts"]["stable"] > 0
    assert answer["counts"]["other"] == 0


def test_pods_that_no_one_named_hold_the_release(api: ApiServer, lab: RunningLab, tmp_path: Path) -> None:
    """Without names of the lab's own the gate looks for those of the Rollout's pods, and says what it found."""
    token = ("--engine", "argo-rollouts", "--token-file", str(tmp_path / "token"))
    with gate(api, tmp_path, lab.url, options=token, tested=SURE) as asked:
        until(lambda: asked.verdict()["counts"] is not None, "no counts come")
        answer = asked.verdict()
    assert answer["outcome"] == "INCONCLUSIVE"
    assert set(answer["counts"]["other_by_kind"]) == {"unnamed_version"}


def test_hooks_speak_by_status(asked: RunningGate) -> None:
    """409 while nothing is certain; then it may go on, and must not go back."""
    body = FLAGGER
    assert asked.post("/hooks/go-on", body).status_code == 409
    assert asked.post("/hooks/go-back", body).status_code == 409
    asked.until("CONFIRMED")
    assert asked.post("/hooks/go-on", body).status_code == 200
    assert asked.post("/hooks/go-back", body).status_code == 409
    assert asked.ask("/alive").status_code == 200
    other = asked.post("/hooks/go-on", {**body, "name": "shop"})
    assert (other.status_code, other.json()["outcome"]) == (409, "INCONCLUSIVE")
    assert "this gate is that of micro-api, and the question is about shop" in other.json()["reason"]


def test_a_split_that_is_not_carried_out_goes_back_and_the_leak_is_found(asked: RunningGate, api: ApiServer) -> None:
    """The route says 60 %, Envoy serves 30: REFUTED, and no one need ask for the proof."""
    api.set_weight(60)
    answer = asked.until("REFUTED", weight_percent=60)
    assert answer["split"] == "REFUTED"
    assert asked.ask("/hooks/go-back").status_code == 200
    until(lambda: asked.ask("/hooks/proof").status_code == 409, "the proof does not end")
    assert "the rollback leaks: request" in asked.ask("/hooks/proof").json()["sentence"]
    assert api.state["proof"] == "leak"


def test_a_rollback_is_proved_by_traffic(asked: RunningGate, api: ApiServer, lab: RunningLab) -> None:
    """What was refuted stays so at 0 %, after a restart too, and 299 answers show that the canary has none."""
    api.set_weight(60)
    asked.until("REFUTED", weight_percent=60)
    serve(lab, "100-0")
    api.set_weight(0)
    until(lambda: asked.ask("/hooks/proof").status_code == 200, "the proof does not end")
    assert "299 answers, none of the canary" in asked.ask("/hooks/proof").json()["sentence"]
    asked.kill()
    assert asked.verdict(weight_percent=0)["reason"] == "the release was stopped at 60 % by its split"
    assert asked.ask("/hooks/go-on").status_code == 409
    assert asked.ask("/hooks/proof").status_code == 200


def test_a_rollback_of_flagger_is_proved_by_traffic(api: ApiServer, lab: RunningLab, tmp_path: Path) -> None:
    """The Canary says by then that the release is over, in words that it did not have before."""
    options = ("--engine", "flagger", "--token-file", str(tmp_path / "token"), *LAB_PODS)
    api.set_canary(30, 60, written_percent=60)
    api.set_flagger_weight(60)
    with gate(api, tmp_path, lab.url, options=options, tested=SURE) as asked:
        until(lambda: asked.post("/hooks/go-back", FLAGGER).status_code == 200, "it does not go back", WAIT_SECONDS)
        serve(lab, "100-0")
        api.set_flagger_weight(0)
        api.set_canary(30, 60, phase="Failed", written_percent=0)
        body = {**FLAGGER, "phase": "Failed"}
        until(lambda: asked.post("/hooks/proof", body).status_code == 200, "the proof does not end", WAIT_SECONDS)
        assert "299 answers, none of the canary" in asked.post("/hooks/proof", body).json()["sentence"]
    assert api.state["release"] == "abc of 2026-11-30T07:20:31Z"


def test_a_release_is_proved_by_traffic(asked: RunningGate, lab: RunningLab) -> None:
    """After the end of a release that succeeded all answers must be of the new version."""
    body = {**FLAGGER, "phase": "Succeeded"}
    asked.verdict()
    serve(lab, "0-100")
    assert asked.post("/hooks/proof", body).status_code == 202
    until(lambda: asked.post("/hooks/proof", body).status_code == 200, "the proof does not end")
    assert "299 answers, none of the stable version" in asked.post("/hooks/proof", body).json()["sentence"]
    assert asked.post("/hooks/proof", {**body, "phase": "Failed"}).status_code == 202
    until(lambda: asked.ask("/hooks/proof?weight=0").status_code == 409, "the proof does not end")
    assert asked.ask("/hooks/proof?weight=30").status_code == 400


def test_a_gate_that_was_killed_is_undecided_and_goes_on_with_its_counts(asked: RunningGate, api: ApiServer) -> None:
    """Its first answer holds the release, though what it kept would be enough."""
    asked.until("CONFIRMED")
    before = counted(api)
    asked.kill()
    answer = asked.verdict()
    assert answer["outcome"] == "INCONCLUSIVE"
    assert "has not handed over counts at this weight yet" in answer["reason"]
    asked.until("CONFIRMED")
    assert counted(api) > before > 0


def test_a_load_test_that_stands_still_holds_the_release(asked: RunningGate) -> None:
    """Counts older than five seconds are no go-ahead; once it moves, they count again."""
    asked.until("CONFIRMED")
    assert asked.load is not None
    (stopped,) = psutil.Process(asked.load.pid).children()
    stopped.send_signal(signal.SIGSTOP)
    answer = asked.until("INCONCLUSIVE", "the load test stands still")
    assert answer["counts"] is None
    assert asked.ask("/alive").status_code == 503
    stopped.send_signal(signal.SIGCONT)
    asked.until("CONFIRMED")


def test_a_weight_that_no_one_declared_holds_the_release(asked: RunningGate, api: ApiServer) -> None:
    """It is named, and after it is put back the same counts go on."""
    asked.until("CONFIRMED")
    before = counted(api)
    api.set_weight(45)
    answer = asked.verdict()
    assert answer["outcome"] == "INCONCLUSIVE"
    assert "the route gives the canary 45 %, which is no step of the release (30, 60)" in answer["reason"]
    assert asked.ask("/hooks/go-on").status_code == 409
    api.set_weight(30)
    asked.until("CONFIRMED")
    assert counted(api) >= before


def test_a_new_release_begins_from_nothing(asked: RunningGate, api: ApiServer) -> None:
    """The same template with another revision is another release; an old question is about the wrong one."""
    asked.until("CONFIRMED")
    # Far more than the next release can have by the first look at its counts.
    until(lambda: bool(asked.verdict()) and counted(api) > MANY)
    before = counted(api)
    api.set_rollout(30, 60, revision="3")
    assert asked.verdict()["outcome"] == "INCONCLUSIVE"
    until(lambda: asked.verdict()["counts"] is not None, "no counts come")
    assert api.state["release"] == f"abc revision 3 of {CREATED}"
    assert counted(api) < before
    api.set_rollout(30, 60, template="def", revision="4")
    wrong = asked.verdict()
    assert wrong["outcome"] == "INCONCLUSIVE"
    assert "about the template abc, and the engine's object is at def" in wrong["reason"]


def test_what_somebody_else_writes_counts_from_then_on(asked: RunningGate, api: ApiServer) -> None:
    """Counts that were thrown away are counted again; a label on the ConfigMap is no matter."""
    asked.until("CONFIRMED")
    before = counted(api)
    api.put(api_server.STATE, data=api.objects[api_server.STATE]["data"], metadata={"labels": {"team": "a"}})
    until(lambda: counted(api) > before, "it does not go on after a label")
    asked.verdict()
    api.set_state()
    until(lambda: bool(api.objects[api_server.STATE]["data"]) and asked.verdict()["counts"] is not None)
    assert api.state["release"] == RELEASE


def test_no_answer_rests_on_counts_that_are_not_kept(asked: RunningGate, api: ApiServer) -> None:
    """Without its ConfigMap the gate holds the release, and says what the API server said."""
    asked.until("CONFIRMED")
    kept = api.objects.pop(api_server.STATE)
    answer = asked.until("INCONCLUSIVE", "s old")
    assert "its counts could not be kept: PATCH" in answer["reason"]
    assert "not found" in answer["reason"]
    api.objects[api_server.STATE] = kept
    asked.until("CONFIRMED")


def test_a_load_test_that_cannot_start_is_named(api: ApiServer, tmp_path: Path) -> None:
    """Its exit code and last words stand in the answer."""
    with gate(api, tmp_path, "nowhere") as asked:
        answer = asked.until("INCONCLUSIVE", "exit code")
    assert "has not handed over counts at this weight yet; the load test ended with exit code 2: " in answer["reason"]
    assert "--host 'nowhere' does not begin with http:// or https://" in answer["reason"]
