"""Step 7: errors are no votes."""

import re
from typing import Final

from scripts.course.bench import RULE, Bench, state_text
from scripts.course.rules.finding import Finding
from scripts.course.rules.whose_errors import CAUSE, judged
from scripts.course.state import Attempt
from scripts.course.why import named

NAMED: Final = "istio/virtual-service-70-30.yaml"
REPAIRED: Final = "istio/destination-rule.yaml"
# What a destination puts on its answers, in a state.
DESTINATION_HEADER: Final = re.compile(r"^ +headers:\n +response:\n +set:\n +x-canary-subset: \w+\n", re.MULTILINE)
EXIT_CODE_HELD: Final = 11
EXIT_CODE_REFUTED: Final = 10


def start(bench: Bench) -> None:
    """Have the lab serve 70/30 without names of destinations, with a rule by which v2 has no pods."""
    rule = RULE.read_text(encoding="utf-8").replace("version: v2\n", "version: canary\n")
    bench.serve_hidden(DESTINATION_HEADER.sub("", state_text("70-30")), rule)


def check(bench: Bench) -> Finding:
    """Return whether the errors were measured without a name and with one, and 70/30 was then CONFIRMED."""
    traffic = bench.traffic()
    return judged(bench.calls({}), traffic, named(bench.attempt.answer), bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Measure the errors, let the destinations name themselves, measure again, name the cause, and repair it."""
    start(bench)  # a lab that is repaired already has no errors to measure
    attempt = bench.attempt
    if bench.measure("nameless.json", "-t", "5s") == EXIT_CODE_HELD and bench.run_lab("shift", NAMED) == 0:
        if bench.measure("named.json") != EXIT_CODE_REFUTED:
            return attempt
        attempt = bench.answered(CAUSE)
        if bench.run_lab("shift", REPAIRED) == 0:
            bench.measure("repaired.json")
    return attempt
