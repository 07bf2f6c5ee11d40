"""Step 5: order and names."""

from scripts.course.bench import RULE, Bench, state_text
from scripts.course.rules.finding import Finding
from scripts.course.rules.order_and_names import CAUSE, judged
from scripts.course.state import Attempt
from scripts.course.why import named


def start(bench: Bench) -> None:
    """Have the lab serve 70/30 for another host, with a rule that defines no subset; the learner has the state."""
    state = state_text("70-30").replace("- micro-api\n", "- micro-apis\n")
    bench.folder.own_state.write_text(state, encoding="utf-8")
    bench.serve_hidden(state, RULE.read_text(encoding="utf-8").partition("  subsets:\n")[0])


def check(bench: Bench) -> Finding:
    """Return whether the answers are right again, the cause of the 404 is named, and 70/30 was CONFIRMED."""
    traffic = bench.traffic()
    return judged(bench.calls({}), traffic, named(bench.attempt.answer), bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Name the cause, correct the host, apply the rule, and have it judged; return the attempt with the answer."""
    attempt = bench.answered(CAUSE)
    bench.folder.own_state.write_text(state_text("70-30"), encoding="utf-8")
    for file in (str(bench.folder.own_state), "istio/destination-rule.yaml"):
        if bench.run_lab("shift", file) != 0:
            return attempt
    bench.measure("right.json")
    return attempt
