"""Step 12: back without a gap."""

from scripts.course.cluster_bench import ClusterBench
from scripts.course.rules.finding import Finding
from scripts.course.rules.way_back import WORST, judged
from scripts.course.state import Attempt


def start(bench: ClusterBench) -> None:
    """Have two pods of 1.1-SNAPSHOT and two of the canary, paused."""
    bench.fresh("k8s/update")
    bench.make("scripts/cluster/pause.sh --context kind-canary-cluster start")


def check(bench: ClusterBench) -> Finding:
    """Return whether the old pods have stayed, and the worst moment of the other way was foretold."""
    return judged(bench.deployed(), bench.attempt.answer)


def solve(bench: ClusterBench) -> Attempt:
    """Predict, and go back by the old manifest."""
    start(bench)
    attempt = bench.answered(str(WORST))
    bench.type("scripts/cluster/pause.sh", "rollback")
    return attempt
