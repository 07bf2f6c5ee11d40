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
from tests.course.learner import Learner
from tests.docs.documents import console_examples, is_shown
from tests.support.repository import text_of
from tests.support.text import too_long

pytestmark = pytest.mark.course

STEPS = steps()
DOCUMENTED_PORT = "18080"
CODES = {"verdict:  REFUTED": 10, "verdict:  INCONCLUSIVE": 11}
# The beginning of the hint to a learner who has done nothing yet.
FIRST_HINTS = {
    "ten_calls": "Send the ten calls, count the answers with V3",
    "three_answers": "Which claim is true of a lab that serves 70/30?",
    "write_a_state": "v2 is to get 15 of 100.",
    "shift_under_load": "Begin a run that does not end with its verdict",
    "order_and_names": "A proxy looks up the Host before any weight.",
    "for_testers_only": "A proxy tries the routes from the first to the last.",
    "whose_errors": "A client that retries sees nothing of them.",
    "mystery": "Begin with the symptom: claim 30 % by yourself",
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_fails_unsolved_and_passes_solved(learner: Learner, step: Step) -> None:
    """Fresh: not yet, with the intended hint; solved, and solved twice: done; started again: not yet."""
    learner.goto(step.number)
    assert_open(learner, step)
    for _ in range(2):
        solved = learner.course("solve")
        assert solved.returncode == 0, solved.stdout + solved.stderr
        assert "\ndone: " in solved.stdout
        assert too_long(solved.stdout) == []
    assert learner.course("check").returncode == 0
    assert "done by solve" in learner.course("status").stdout
    assert learner.course("reset").returncode == 0
    assert_open(learner, step)
    assert "done" not in learner.course("status").stdout


def test_the_texts_are_what_happens(learner: Learner) -> None:
    """Each command of each text, in the order of the course, prints what is shown, figures aside."""
    for step in STEPS:
        examples = console_examples(step.text)
        assert len(examples) >= 4
        for command, shown in examples:
            typed = command if "goto 1" in command else command.replace(DOCUMENTED_PORT, str(learner.state.port))
            done = learner.types(typed)
            assert is_shown(shown, done.stdout), f"$ {command}\n{done.stdout}\n{done.stderr}"
            assert too_long(done.stdout) == []
            code = next((code for verdict, code in CODES.items() if verdict in shown), 0)
            assert done.returncode == code, done.stderr
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


def assert_open(learner: Learner, step: Step) -> None:
    """Assert that the step is not done, and that the hint is the one for somebody who has just begun."""
    checked = learner.course("check")
    assert checked.returncode == 10, checked.stdout + checked.stderr
    assert checked.stdout.startswith("not yet:  ")
    assert "\nlook:     " in checked.stdout
    hint = " ".join(learner.course("hint").stdout.split())
    assert f"hint: {FIRST_HINTS[step.name]}" in hint


def assert_cannot_tell(learner: Learner, said: str) -> None:
    """Assert that the check blames the environment, and says what it saw."""
    checked = learner.course("check")
    assert checked.returncode == 11, checked.stdout + checked.stderr
    assert checked.stdout.startswith("cannot tell: ")
    assert said in " ".join(checked.stdout.split())
