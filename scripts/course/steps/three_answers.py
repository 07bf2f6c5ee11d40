"""Step 2: three answers, and their exit codes."""

from typing import Final

from scripts.course.bench import Bench, state_file
from scripts.course.rules.finding import Finding
from scripts.course.rules.three_answers import judged
from scripts.course.rules.traffic import NO_TRAFFIC
from scripts.course.state import Attempt

# For each exit code, the file of its verdict and the options that lead to it.
CLAIMS: Final = {
    0: ("true.json", ()),
    10: ("false.json", ("--expect-canary", "50")),
    11: ("few.json", ("--max-rate", "10", "-t", "10s")),
}


def start(bench: Bench) -> None:
    """Have the lab serve 70/30."""
    bench.serve(state_file("70-30"))


def check(bench: Bench) -> Finding:
    """Return whether the exit codes 0, 10 and 11 were all reached at 70/30."""
    return judged(bench.traffic() or NO_TRAFFIC, bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Claim what is true, claim what is false, and ask for a verdict on too few answers."""
    for code, (file, options) in CLAIMS.items():
        if bench.measure(file, "--only-split", *options) != code:
            break  # interrupted, or by chance: the check says what is missing
    return bench.attempt
