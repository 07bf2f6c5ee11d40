"""Each step as a learner does it: it fails when it has begun, passes when it is done, and its text is what happens."""

import os
import re
import shutil
import signal
import time

import psutil
import pytest

from scripts.course.catalog import Step, steps
from scripts.course.rules.mystery import NO_SUBSET, SHARED_LABEL, SWAPPED, fault_of
from tests.course.following import assert_cannot_tell, assert_solved_twice, assert_text_is_what_happens
from tests.course.learner import Learner
from tests.support.repository import text_of
from tests.support.text import too_long

pytestmark = pytest.mark.course

STEPS = [one for one in steps() if one.place == "lab"]
DOCUMENTED_PORT = "18080"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_fails_unsolved_and_passes_solved(learner: Learner, step: Step) -> None:
    """Fresh: not yet, with the intended hint; solved, and solved twice: done; started again: not yet."""
    assert_solved_twice(learner, step)


def test_the_texts_are_what_happens(learner: Learner) -> None:
    """Each command of each text, in the order of the course, prints what is shown, figures aside."""

    def typed(line: str) -> str:
        return line if "goto 1" in line else line.replace(DOCUMENTED_PORT, str(learner.state.port))

    for step in STEPS:
        assert_text_is_what_happens(learner, step, typed)
    assert [one["is_done"] for one in learner.progress()["attempts"].values()] == [True] * len(STEPS)


def test_mistakes_in_a_state_are_named(learner: Learner) -> None:
    """What the check says of a file is what Envoy serves of it: a weight that was forgotten, then the name."""
    learner.goto(3)
    template = learner.own_state.read_text(encoding="utf-8")
    weights = template.replace("weight: 0", "weight: 15")
    mistakes = {
        weights: "Envoy's weights are v1 100 and v2 15, a sum of 115",
        weights.replace("weight: 100", "weight: 84").replace(
            "weight: 15", "weight: 16"
        ): "your weights are v1 85, v2 15",
        weights.replace("weight: 100", "weight: 85"): "the answers still name the route '100-0'",
    }
    for text, said in mistakes.items():
        learner.own_state.write_text(text, encoding="utf-8")
        assert learner.lab("shift", ".course/my-state.yaml").returncode == 0
        checked = learner.course("check")
        assert checked.returncode == 10
        assert said in " ".join(checked.stdout.split())


def test_mistakes_in_an_order_are_named(learner: Learner) -> None:
    """A catch-all route that is left out, and one that leads everything to the canary, are seen by calls."""
    learner.goto(6)
    state = text_of("istio/virtual-service-header.yaml")
    head, _, rest = state.rpartition("    - route:\n")
    for text, said in {
        head: "without a header: of 20 calls 20 got 404",
        f"{head}    - route:\n{rest.replace('v1', 'v2')}": "without a header: of 20 calls 20 got 200 from v2",
        state.replace("x-canary:\n", "cookie:\n").replace(
            '"true"', "canary=always"
        ): "with the header of the testers: of 20 calls 20 got 200 from v1",
    }.items():
        learner.own_state.write_text(text, encoding="utf-8")
        assert learner.lab("shift", ".course/my-state.yaml").returncode == 0
        checked = learner.course("check")
        assert checked.returncode == 10
        assert said in " ".join(checked.stdout.split())


def test_each_mystery_is_what_envoy_serves(learner: Learner) -> None:
    """Started until each of the three was there: the lab serves it, under a name and weights that show nothing."""
    learner.goto(8)
    seen = {
        SWAPPED: "Envoy's destination v1 leads to pods of v2.",
        SHARED_LABEL: "Envoy's destination v2 leads to pods of v1 and v2.",
        NO_SUBSET: "Envoy serves v1 70, micro-api 30 (70-30).",
    }
    for attempt in range(1, 30):
        if said := seen.pop(fault_of("Ada", attempt), ""):
            learner.course("answer", fault_of("Ada", attempt))
            checked = learner.course("check")
            assert checked.returncode == 10
            assert said in " ".join(checked.stdout.split())
        if not seen:
            return
        learner.course("reset")
    assert seen == {}


def test_a_verdict_of_an_earlier_start_does_not_count(learner: Learner) -> None:
    """A file that is carried over to the new start is seen and refused, and its folder was another one."""
    learner.goto(1)
    learner.course("answer", "50")
    learner.lab("measure", "--only-split", "--expect-canary", "50", "--verdict-json", ".course/verdicts/old.json")
    assert learner.course("check").returncode == 0
    kept = shutil.copy(learner.verdicts / "old.json", learner.repository)
    # The lab is kept, and so is its address.
    port = learner.state.port
    learner.course("reset")
    assert learner.state.port == port
    learner.course("answer", "50")
    assert list(learner.verdicts.iterdir()) == []
    shutil.copy(kept, learner.verdicts)
    checked = learner.course("check")
    assert checked.returncode == 10
    assert "old.json was measured before this step started." in " ".join(checked.stdout.split())


def test_a_lab_that_is_gone_or_ill_is_no_failure_of_the_learner(learner: Learner) -> None:
    """Stopped, a replica killed, Envoy frozen: cannot tell; `reset` starts the step from each of them."""
    learner.goto(2)
    assert learner.lab("down").returncode == 0
    assert_cannot_tell(learner, "no lab runs here")
    for name, number, said in (
        ("micro-api-v2-1", signal.SIGKILL, "not alive: micro-api-v2-1"),
        ("envoy", signal.SIGSTOP, "Envoy does not report what it serves"),
    ):
        assert learner.course("reset").returncode == 0
        assert learner.course("check").returncode == 10
        (pid,) = [record.pid for record in learner.state.processes if record.name == name]
        os.kill(pid, number)
        assert_cannot_tell(learner, said)
    assert learner.course("reset").returncode == 0
    assert learner.course("check").returncode == 10


@pytest.mark.parametrize("number", [5, 6, 7])
def test_a_check_with_calls_ends_in_time_where_nothing_answers(learner: Learner, number: int) -> None:
    """Replicas that are suspended take requests and do not answer: the check says so within 15 seconds."""
    learner.goto(number)
    assert learner.lab("shift", "istio/virtual-service-70-30.yaml", "istio/destination-rule.yaml").returncode == 0
    replicas = [psutil.Process(record.pid) for record in learner.state.processes if record.version]
    suspended = [one for replica in replicas for one in (replica, *replica.children(recursive=True))]
    for process in suspended:
        process.suspend()
    try:
        started = time.monotonic()
        checked = learner.course("check")
        assert time.monotonic() - started < 15
    finally:
        for process in suspended:
            process.resume()
    assert checked.returncode == 10
    assert "of 20 calls 20 got no answer in time" in " ".join(checked.stdout.split())


def test_the_prompt_takes_what_is_typed(learner: Learner) -> None:
    """It asks for the name, starts the first step, and ends with quit; wrong words end nothing."""
    words = ["Ada", "check", "hint", "hint", "goto x", "dance"]
    lines = [*words, "answer 50", "check", "status", "page", "quit", "status"]
    done = learner.course(stdin="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr
    assert "Step 1    Ten calls prove nothing" in done.stdout
    seen = [
        "no bet is recorded.",
        "Send the ten calls",
        "A wrong bet is no failure",
        "is recorded: 50",
        "your bet is 50",
    ]
    places = [done.stdout.index(text) for text in seen]
    assert places == sorted(places)
    assert done.stdout.count("Ada, your weight of v2 is 15") == 1
    assert done.stdout.count("The page is at http://127.0.0.1:") == 1
    assert too_long(re.sub(r"^(?:Your name .*?: |course \d> )+", "", done.stdout, flags=re.MULTILINE)) == []
    assert done.stderr == (
        "course: goto x: type goto N\n"
        "course: dance: unknown command; there are check, hint, solve, answer, reset,\n"
        "    goto, status, hand-in, page, quit\n"
    )
    again = learner.course(stdin="")
    assert again.returncode == 0, again.stderr
    assert "Ten calls prove nothing: started at http://127.0.0.1:" in " ".join(again.stdout.split())
    assert learner.progress()["attempts"]["ten_calls"]["number"] == 1
