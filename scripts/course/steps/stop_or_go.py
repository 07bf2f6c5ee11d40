"""Step 9: stop or go on."""

from typing import Final

from scripts.course.bench import Bench, state_file
from scripts.course.rules.finding import Finding
from scripts.course.rules.proof import name_of
from scripts.course.rules.stop_or_go import BAD, WEIGHTS, judged, quality
from scripts.course.state import Attempt

# Variables of the replicas of v2: one answer in ten is an error.
FAULT: Final = {"SERVICE_ERROR_RATIO": "0.1"}
EXIT_CODE_GO: Final = 0
EXIT_CODE_STOP: Final = 10


def start(bench: Bench) -> None:
    """Have the lab serve 100/0, with a canary that is good or bad by the learner's name."""
    bench.serve(state_file("100-0"), canary_settings=FAULT if _kind(bench) == BAD else {})


def check(bench: Bench) -> Finding:
    """Return whether the release has ended as its verdicts say."""
    return judged(bench.traffic(), _kind(bench), bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Shift and measure, weight by weight; at the first stop go back, and prove it."""
    for percent in WEIGHTS:
        if bench.run_lab("shift", _file(percent)) != 0:
            break
        code = bench.measure(f"at-{percent}.json")
        if code == EXIT_CODE_STOP and bench.run_lab("shift", _file(0)) == 0:
            bench.measure("back.json")
        if code != EXIT_CODE_GO:
            break
    return bench.attempt


def _file(percent: int) -> str:
    return f"istio/virtual-service-{name_of(percent)}.yaml"


def _kind(bench: Bench) -> str:
    return quality(bench.learner, bench.attempt.number)
