"""Step 6: for testers only."""

from typing import Final

from scripts.course.bench import Bench, state_text
from scripts.course.rules.finding import Finding
from scripts.course.rules.for_testers_only import Groups, judged
from scripts.course.state import Attempt

TESTER: Final = {"x-canary": "true"}
COOKIE: Final = {"cookie": "canary=always"}
# Where each of the state's two routes begins.
MATCHING: Final = "    - match:\n"
REST: Final = "    - route:\n"


def start(bench: Bench) -> None:
    """Have the lab serve the header's state with its catch-all route first, and give the learner that file."""
    head, _, both = state_text("header").partition(MATCHING)
    matching, _, rest = both.partition(REST)
    bench.folder.own_state.write_text(head + REST + rest + MATCHING + matching, encoding="utf-8")
    bench.serve(bench.folder.own_state)


def check(bench: Bench) -> Finding:
    """Return whether the header alone leads to v2, and both routes were CONFIRMED."""
    bench.traffic()  # a lab that is not as it was started is no failure of the learner
    groups = Groups(bench.calls(TESTER), bench.calls({}), bench.calls(COOKIE))
    return judged(groups, bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Put the routes in order, apply the file, and have both routes judged."""
    bench.folder.own_state.write_text(state_text("header"), encoding="utf-8")
    if bench.run_lab("shift", str(bench.folder.own_state)) == 0:
        bench.measure("testers.json", "--header", "x-canary: true", "--expect-canary", "100")
        bench.measure("others.json", "--expect-canary", "0")
    return bench.attempt
