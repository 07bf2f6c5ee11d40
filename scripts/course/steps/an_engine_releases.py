"""Step 14: an engine releases."""

import json
import time
from contextlib import suppress
from typing import Final

from canary_loadtest.core.message import Message
from scripts.course import engine
from scripts.course.cluster_bench import CONTEXT, ClusterBench
from scripts.course.errors import CannotTellError, CourseError
from scripts.course.rules.an_engine_releases import GOOD, NEW, WEIGHTS, judged
from scripts.course.rules.finding import Finding, Outcome
from scripts.course.rules.releases import Releases
from scripts.course.state import Attempt

# As scripts/mesh/engine.sh has them.
ENGINE: Final = "argo-rollouts"
NAMESPACE: Final = f"canary-{ENGINE}"
SCRIPT: Final = f"scripts/mesh/engine.sh --context {CONTEXT} --engine {ENGINE}"
KUBECTL: Final = ("kubectl", f"--namespace={NAMESPACE}")
ROLLOUT: Final = "rollout/micro-api"
CONTAINER: Final = "/spec/template/spec/containers/0"
GOOD_IMAGE: Final = {"op": "replace", "path": f"{CONTAINER}/image", "value": f"micro-api:{GOOD}"}
BAD_VARIABLE: Final = {
    "op": "add",
    "path": f"{CONTAINER}/env/-",
    "value": {"name": engine.ERRORS_VARIABLE, "value": "0.05"},
}
# The step of the Rollout that asks at the last weight: while its run is there the phase is that of this release.
LAST_QUESTION: Final = "step-index=3"
# Five kinds of objects, on a machine that a load test has just used. A check ends within 15 seconds.
LIST_SECONDS: Final = 10
PROOF_SECONDS: Final = 90.0
PAUSE_SECONDS: Final = 1.0


def start(bench: ClusterBench) -> None:
    """Have the service at 1.1-SNAPSHOT with its gate, and nothing left of a release before.

    Raises:
        CourseError: the cluster or the engine is not there, or a command failed.
    """
    bench.url()
    if said := bench.missing(ENGINE, ENGINE):
        raise CourseError(
            Message(
                "Argo Rollouts is not found: `scripts/mesh/engine.sh --engine argo-rollouts` installs it, after "
                "`scripts/mesh/install.sh` ({said})",
                said=said,
            )
        )
    bench.make(f"{SCRIPT} remove", f"{SCRIPT} deploy")


def check(bench: ClusterBench) -> Finding:
    """Return whether a good version was released by verdicts, and a bad one taken back, as foretold."""
    return judged(_releases(bench), bench.attempt.answer)


def solve(bench: ClusterBench) -> Attempt:
    """Release a good version, predict, release a bad one, and wait for the proof."""
    if not _is_new(bench):
        start(bench)
    if not (_patched(bench, GOOD_IMAGE) and _asked_last(bench) and _reached(bench, "Healthy")):
        return bench.attempt
    attempt = bench.answered(str(WEIGHTS[0]))
    if _patched(bench, BAD_VARIABLE) and _reached(bench, "Degraded"):
        _wait_for_the_proof(bench, attempt.answer)
        bench.type(*KUBECTL, "logs", "deployment/micro-api-gate", "--container=gate", "--tail=3")
    return attempt


def _releases(bench: ClusterBench) -> Releases | None:
    command = f"kubectl --context {CONTEXT} --namespace {NAMESPACE} get {engine.KINDS} --output json"
    return bench.seen(command, lambda content: engine.releases(content["items"]), LIST_SECONDS)


def _is_new(bench: ClusterBench) -> bool:
    """Return whether the step's beginning is there: to deploy takes longer than to look."""
    with suppress(CannotTellError):
        return judged(_releases(bench), "").cause == NEW
    return False


def _patched(bench: ClusterBench, operation: object) -> bool:
    patch = json.dumps([operation], separators=(",", ":"))
    return bench.type(*KUBECTL, "patch", ROLLOUT, "--type=json", f"--patch={patch}") == 0


def _asked_last(bench: ClusterBench) -> bool:
    wait = ("wait", "analysisruns", f"--selector={LAST_QUESTION}", "--for=create", "--timeout=300s")
    return bench.type(*KUBECTL, *wait) == 0


def _reached(bench: ClusterBench, phase: str) -> bool:
    wait = ("wait", ROLLOUT, f"--for=jsonpath={{.status.phase}}={phase}", "--timeout=300s")
    return bench.type(*KUBECTL, *wait) == 0


def _wait_for_the_proof(bench: ClusterBench, answer: str) -> None:
    end = time.monotonic() + PROOF_SECONDS
    while time.monotonic() < end:
        # A cluster that is busy with the load test does not answer; where it stays so, the check says it.
        with suppress(CannotTellError):
            if judged(_releases(bench), answer).outcome is Outcome.DONE:
                return
        time.sleep(PAUSE_SECONDS)
