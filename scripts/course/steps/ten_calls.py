"""Step 1: ten calls prove nothing."""

from typing import Final

from scripts.course.bench import Bench
from scripts.course.rules.finding import Finding
from scripts.course.rules.personal import HIDDEN_PERCENTS, hidden_percent
from scripts.course.rules.ten_calls import Bet, judged
from scripts.course.rules.traffic import NO_TRAFFIC
from scripts.course.state import Attempt
from scripts.lab.split import virtual_service

# It shows neither of the two splits.
ROUTE_NAME: Final = "hidden"
DECIDED: Final = (0, 10)


def start(bench: Bench) -> None:
    """Have the lab serve 70/30 or 50/50 under a name that does not show which."""
    bench.serve_hidden(virtual_service(_hidden(bench), ROUTE_NAME))


def check(bench: Bench) -> Finding:
    """Return whether a bet is recorded, and the hidden split was then CONFIRMED."""
    bet = Bet(bench.attempt.answer, bench.attempt.answered_at_seconds)
    return judged(bench.traffic() or NO_TRAFFIC, _hidden(bench), bet, bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Bet, unless there is a bet; claim both splits, of which one is CONFIRMED; return the attempt with the bet."""
    attempt = bench.attempt
    if Bet(attempt.answer).percent is None:
        attempt = bench.answered("30")
    for claim in map(str, HIDDEN_PERCENTS):
        if bench.measure(f"claim-{claim}.json", "--only-split", "--expect-canary", claim) not in DECIDED:
            break  # interrupted: the check says what is missing
    return attempt


def _hidden(bench: Bench) -> int:
    return hidden_percent(bench.learner, bench.attempt.number)
