"""Step 11: a canary that is paused halfway."""

from scripts.course.cluster_bench import ClusterBench
from scripts.course.rules.finding import Finding
from scripts.course.rules.paused_canary import judged
from scripts.course.state import Attempt


def start(bench: ClusterBench) -> None:
    """Have three pods of 1.1-SNAPSHOT."""
    bench.fresh("k8s/update")


def check(bench: ClusterBench) -> Finding:
    """Return whether two pods of each version are ready, 50 % was CONFIRMED, and kept connections decided nothing."""
    return judged(bench.deployed(), bench.evidence())


def solve(bench: ClusterBench) -> Attempt:
    """Pause the update halfway, and measure it by connections and by kept connections."""
    start(bench)
    bench.type("scripts/cluster/pause.sh", "start")
    bench.measure("half.json", "-t", "60s", "--expect-canary", "50")
    bench.measure("kept.json", "-t", "10s", "--expect-canary", "50", "--keep-alive")
    return bench.attempt
