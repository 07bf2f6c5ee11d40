"""Step 8: a mystery."""

from typing import Final

from scripts.course.bench import RULE, Bench, state_text
from scripts.course.rules.finding import Finding
from scripts.course.rules.mystery import broken, fault_of, judged
from scripts.course.state import Attempt
from scripts.course.why import named

REPAIRED: Final = ("istio/virtual-service-70-30.yaml", "istio/destination-rule.yaml")


def start(bench: Bench) -> None:
    """Have the lab serve 70/30 with the learner's fault, of which no file is left."""
    bench.serve_hidden(*broken(_fault(bench), state_text("70-30"), RULE.read_text(encoding="utf-8")))


def check(bench: Bench) -> Finding:
    """Return whether the fault is named and repaired, and 70/30 was CONFIRMED."""
    return judged(bench.traffic(), _fault(bench), named(bench.attempt.answer), bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Name the fault, apply the repository's files, and have them judged; return the attempt with the answer."""
    attempt = bench.answered(_fault(bench))
    if bench.run_lab("shift", *REPAIRED) == 0:
        bench.measure("repaired.json")
    return attempt


def _fault(bench: Bench) -> str:
    return fault_of(bench.learner, bench.attempt.number)
