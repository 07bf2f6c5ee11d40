"""The steps on a cluster as a learner does them, on a cluster of the documented name."""

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
SCRIPT_SECONDS = 600.0
DOCUMENTED_URL = "http://127.0.0.1:19090"


def script(name: str, *arguments: str) -> None:
    """Run a script of the cluster; raises AssertionError where it fails."""
    done = run(f"scripts/cluster/{name}.sh", *arguments, timeout_seconds=SCRIPT_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make the cluster of the course, reached by a kubeconfig of its own, and remove it; one that exists is refused."""
    there = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True)
    assert CLUSTER not in there.stdout.split(), "the course's own cluster is needed: scripts/cluster/down.sh removes it"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(tmp_path_factory.mktemp("kube") / "config"))
        try:
            script("up")
            script("build-images", "--missing")
            script("load-images")
            yield
        finally:
            script("down")


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
        assert learner.progress()["attempts"][step.name]["url"] == DOCUMENTED_URL


def test_a_step_begins_from_anything(learner: Learner) -> None:
    """From a paused canary, from a namespace that is gone; and it begins again after that."""
    learner.goto(STEPS[-1].number)
    learner.goto(STEPS[0].number)
    assert_open(learner, STEPS[0])
    assert run("kubectl", "delete", "namespace", "canary-rollout", timeout_seconds=SCRIPT_SECONDS).returncode == 0
    learner.goto(STEPS[1].number)
    assert_open(learner, STEPS[1])


def test_the_way_with_a_gap_is_seen(learner: Learner) -> None:
    """After `resume` and `undo` three old pods are ready, and the check says that they are not those from before."""
    learner.goto(STEPS[-1].number)
    learner.course("answer", "0")
    assert learner.types("scripts/cluster/pause.sh undo").returncode == 0
    checked = learner.course("check")
    assert checked.returncode == 10
    assert "the old pods went before new ones came" in " ".join(checked.stdout.split())


def test_a_cluster_that_stands_still_is_no_failure_of_the_learner(learner: Learner) -> None:
    """Its node is frozen: the check says within 15 seconds that it cannot tell."""
    learner.goto(STEPS[0].number)
    node = f"{CLUSTER}-control-plane"
    assert run("docker", "pause", node).returncode == 0
    try:
        started = time.monotonic()
        assert_cannot_tell(learner, "the cluster does not answer")
        assert time.monotonic() - started < 15
    finally:
        assert run("docker", "unpause", node).returncode == 0
