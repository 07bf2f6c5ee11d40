"""The steps on a cluster and in its mesh as a learner does them, on a cluster of the documented name."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from scripts.course.catalog import Step, steps
from scripts.course.cluster_bench import CLUSTER
from tests.course.following import assert_cannot_tell, assert_open, assert_solved_twice, assert_text_is_what_happens
from tests.course.learner import Learner
from tests.course.mistakes import assert_mistakes_are_said
from tests.support.processes import run
from tests.support.repository import ROOT, copy_to

pytestmark = pytest.mark.course_cluster

STEPS = [one for one in steps() if one.place == "cluster"]
BY_NAME = {one.name: one for one in STEPS}
SCRIPT_SECONDS = 600.0
DOCUMENTED_URLS = {"cluster": "http://127.0.0.1:19090", "mesh": "http://127.0.0.1:19080"}
# A virtual service for the same host that the gateway would try, too.
ANOTHER = "sed 's/micro-api-route/mine/' istio/virtual-service-0-100.yaml | kubectl --namespace=canary-mesh apply -f -"


def script(name: str, *arguments: str) -> None:
    """Run a script of the cluster; raises AssertionError where it fails."""
    done = run(f"scripts/{name}.sh", *arguments, timeout_seconds=SCRIPT_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make the course's cluster with Istio, by a kubeconfig of its own, and remove it; one that exists is refused."""
    there = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True)
    assert CLUSTER not in there.stdout.split(), "the course's own cluster is needed: scripts/cluster/down.sh removes it"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(tmp_path_factory.mktemp("kube") / "config"))
        try:
            script("cluster/up")
            script("cluster/build-images", "--missing")
            manifest = os.environ.get("ARGO_ROLLOUTS_MANIFEST", "")  # of a machine that has no network
            script("cluster/load-images", *(["--engines"] if manifest else []))
            script("mesh/install")
            script("mesh/engine", "--engine", "argo-rollouts", *(["--manifest", manifest] if manifest else []))
            yield
        finally:
            script("cluster/down")


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    """Give a learner named Ada with a copy of the repository, who has begun nothing."""
    folder = tmp_path_factory.mktemp("learner")
    copy_to(folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return Learner(folder)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_fails_unsolved_and_passes_solved(learner: Learner, step: Step) -> None:
    """Fresh: not yet, with the intended hint; solved, and solved twice: done; started again: not yet."""
    assert_solved_twice(learner, step)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_each_failure_is_said_as_the_page_quotes_it(learner: Learner, step: Step) -> None:
    """After the step's start and a mistake the check says what the instructor's page has."""
    assert_mistakes_are_said(learner, step)


def test_the_texts_are_what_happens(learner: Learner) -> None:
    """Each command of each text, in the order of the course, prints what is shown, figures aside."""
    for step in STEPS:
        assert_text_is_what_happens(learner, step, str)
        assert learner.course("check").returncode == 0
        assert learner.progress()["attempts"][step.name]["url"] == DOCUMENTED_URLS[step.needs]


def test_a_step_begins_from_anything(learner: Learner) -> None:
    """From a paused canary, from a namespace that is gone; and it begins again after that."""
    learner.goto(BY_NAME["way_back"].number)
    learner.goto(STEPS[0].number)
    assert_open(learner, STEPS[0])
    assert run("kubectl", "delete", "namespace", "canary-rollout", timeout_seconds=SCRIPT_SECONDS).returncode == 0
    learner.goto(STEPS[1].number)
    assert_open(learner, STEPS[1])


def test_a_step_of_the_mesh_begins_from_anything(learner: Learner) -> None:
    """From other weights by another virtual service, from no injection, from a namespace that is gone."""
    step = BY_NAME["weights_not_pods"]
    for typed in (
        ANOTHER,
        "kubectl label namespace canary-mesh istio-injection-",
        "kubectl delete namespace canary-mesh",
    ):
        learner.goto(step.number)
        done = learner.types(typed)
        assert done.returncode == 0, done.stderr
        learner.goto(step.number)
        assert_open(learner, step)


def test_the_way_with_a_gap_is_seen(learner: Learner) -> None:
    """After `resume` and `undo` three old pods are ready, and the check says that they are not those from before."""
    learner.goto(BY_NAME["way_back"].number)
    learner.course("answer", "0")
    assert learner.types("scripts/cluster/pause.sh undo").returncode == 0
    checked = learner.course("check")
    assert checked.returncode == 10
    assert "the old pods went before new ones came" in " ".join(checked.stdout.split())


@pytest.mark.parametrize("name", ["rolling_update", "weights_not_pods"])
def test_a_cluster_that_stands_still_is_no_failure_of_the_learner(learner: Learner, name: str) -> None:
    """Its node is frozen: the check says within 15 seconds that it cannot tell."""
    learner.goto(BY_NAME[name].number)
    node = f"{CLUSTER}-control-plane"
    assert run("docker", "pause", node).returncode == 0
    try:
        started = time.monotonic()
        assert_cannot_tell(learner, "the cluster does not answer")
        assert time.monotonic() - started < 15
    finally:
        assert run("docker", "unpause", node).returncode == 0
