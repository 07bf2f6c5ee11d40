"""Step 4: shift under load, lose nothing."""

import time
from typing import Final

from scripts.course.bench import Bench, state_file
from scripts.course.rules.finding import Finding
from scripts.course.rules.shift_under_load import judged
from scripts.course.state import Attempt

BEFORE: Final = "istio/virtual-service-100-0.yaml"
AFTER: Final = "istio/virtual-service-70-30.yaml"
# The load test begins within these on a busy machine, too, and then goes on for some seconds more.
SHIFT_AFTER_SECONDS: Final = 5
RUN_TIME: Final = "12s"


def start(bench: Bench) -> None:
    """Have the lab serve 100/0."""
    bench.serve(state_file("100-0"))


def check(bench: Bench) -> Finding:
    """Return whether a run saw a shift and lost nothing, and the new state was then CONFIRMED."""
    return judged(bench.traffic(), bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Shift from 100/0 to 70/30 while a run of any route goes on, then have 70/30 judged alone."""
    if bench.run_lab("shift", BEFORE) != 0:
        return bench.attempt
    with bench.meanwhile("measure", "--keep-going", "-t", RUN_TIME, "--route", "", *bench.into("across.json")):
        time.sleep(SHIFT_AFTER_SECONDS)
        code = bench.run_lab("shift", AFTER)
    if code == 0:
        bench.measure("after.json")
    return bench.attempt
