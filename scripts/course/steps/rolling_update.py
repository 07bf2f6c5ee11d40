"""Step 10: a rolling update that loses nothing, and one that sticks."""

import time
from typing import Final

from scripts.course.cluster_bench import ClusterBench
from scripts.course.rules.finding import Finding
from scripts.course.rules.rolling_update import AFTER, LEAST_READY, MISSING, REPLICAS, judged
from scripts.course.state import Attempt

RUN_TIME: Final = "40s"
# The load test begins within these on a busy machine, too.
UPDATE_AFTER_SECONDS: Final = 8
STUCK_SECONDS: Final = 15
SET_IMAGE: Final = ("kubectl", "set", "image", "deployment/micro-api")


def start(bench: ClusterBench) -> None:
    """Have three pods of 1.0-SNAPSHOT."""
    bench.fresh("k8s/base")


def check(bench: ClusterBench) -> Finding:
    """Return whether a run saw the update and lost nothing, and the version that does not exist was taken back."""
    return judged(bench.deployed(), bench.attempt.answer, bench.evidence())


def solve(bench: ClusterBench) -> Attempt:
    """Update under load, try the version that does not exist, look, and go back."""
    start(bench)  # an update that was made already cannot be seen any more
    run = bench.load("--expect-canary", "0", "--keep-going", "-t", RUN_TIME, *bench.into("update.json"))
    with bench.alongside(*run):
        time.sleep(UPDATE_AFTER_SECONDS)
        bench.type(*SET_IMAGE, f"micro-api=micro-api:{AFTER}")
        bench.type("kubectl", "rollout", "status", "deployment/micro-api", "--timeout=100s")
    bench.type(*SET_IMAGE, f"micro-api=micro-api:{MISSING}")
    time.sleep(STUCK_SECONDS)
    bench.type("kubectl", "get", "pods", "--selector=app=micro-api")
    attempt = bench.answered(str(LEAST_READY))
    bench.type("kubectl", "rollout", "undo", "deployment/micro-api")
    bench.until(AFTER, REPLICAS)
    return attempt
