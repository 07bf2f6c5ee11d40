"""Step 3: write a traffic state."""

from typing import Final

from scripts.course.bench import Bench, state_file, state_text
from scripts.course.rules.finding import Finding
from scripts.course.rules.personal import own_percent
from scripts.course.rules.proof import name_of
from scripts.course.rules.write_a_state import judged
from scripts.course.state import Attempt
from scripts.lab.split import virtual_service

BEGINNING: Final = "100-0"


def start(bench: Bench) -> None:
    """Have the lab serve 100/0, and give the learner a copy of its file without the comments at its head."""
    bench.serve(state_file(BEGINNING))
    bench.folder.own_state.write_text(state_text(BEGINNING), encoding="utf-8")


def check(bench: Bench) -> Finding:
    """Return whether Envoy serves the learner's own weights, by their name, and the load test CONFIRMED them."""
    return judged(bench.traffic(), own_percent(bench.learner), bench.evidence())


def solve(bench: Bench) -> Attempt:
    """Write the learner's weights and name into a fresh copy, apply it, and have it judged."""
    percent = own_percent(bench.learner)
    text = virtual_service(percent, name_of(percent))
    bench.folder.own_state.write_text(text, encoding="utf-8")
    if bench.run_lab("shift", str(bench.folder.own_state)) == 0:
        bench.measure("mine.json")
    return bench.attempt
