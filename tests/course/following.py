"""What each step of the course has to do, in the lab and on the cluster: tests say on which."""

from collections.abc import Callable
from typing import Final

from scripts.course.catalog import Step
from tests.course.learner import Learner
from tests.docs.documents import console_examples, is_shown
from tests.support.text import too_long

CODES: Final = {
    "verdict:  REFUTED": 10,
    "next:     take the weight back from the canary": 10,
    "verdict:  INCONCLUSIVE": 11,
    "error: you cannot rollback a paused deployment": 1,
}
# The beginning of the hint to a learner who has done nothing yet.
FIRST_HINTS: Final = {
    "ten_calls": "Send the ten calls, count the answers with V3",
    "three_answers": "Which claim is true of a lab that serves 70/30?",
    "write_a_state": "v2 is to get 15 of 100.",
    "shift_under_load": "Begin a run that does not end with its verdict",
    "order_and_names": "A proxy looks up the Host before any weight.",
    "for_testers_only": "A proxy tries the routes from the first to the last.",
    "whose_errors": "A client that retries sees nothing of them.",
    "mystery": "Begin with the symptom: claim 30 % by yourself",
    "stop_or_go": "Shift to 90-10, and let the load test decide",
    "rolling_update": "Let a load test send requests, and meanwhile give the Deployment",
    "paused_canary": "Apply the manifest of the canary, and pause the rollout",
    "way_back": "How many of the old pods are ready at the worst moment",
    "weights_not_pods": "One pod of v1, five of v2, and the weights stay 70 and 30",
    "an_engine_releases": "Give the Rollout the image of 1.3-SNAPSHOT: a new template",
}


def assert_solved_twice(learner: Learner, step: Step) -> None:
    """Assert that a step fails with the intended hint, passes when it is solved, and again, and fails when reset."""
    learner.goto(step.number)
    assert_open(learner, step)
    for _ in range(2):
        solved = learner.course("solve")
        assert solved.returncode == 0, solved.stdout + solved.stderr
        assert "\ndone: " in solved.stdout
        assert step.place == "cluster" or too_long(solved.stdout) == []  # kubectl's lines are its own
    assert learner.course("check").returncode == 0
    assert "done by solve" in learner.course("status").stdout
    assert learner.course("reset").returncode == 0
    assert_open(learner, step)
    assert "done" not in learner.course("status").stdout


def assert_text_is_what_happens(learner: Learner, step: Step, as_typed: Callable[[str], str]) -> None:
    """Assert that each command of a text prints what is shown, figures aside.

    Args:
        learner: who types.
        step: the step of the text.
        as_typed: returns a command of the text as it has to be typed here.
    """
    examples = console_examples(step.text)
    assert len(examples) >= 4
    for command, shown in examples:
        done = learner.types(as_typed(command))
        assert is_shown(shown, done.stdout), f"$ {command}\n{done.stdout}\n{done.stderr}"
        assert step.place == "cluster" or too_long(done.stdout) == []
        code = next((code for verdict, code in CODES.items() if verdict in shown), 0)
        assert done.returncode == code, done.stderr


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
