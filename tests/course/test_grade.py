"""A hand-in is graded by its counts: what is right has no mark, and each forgery has one."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scripts.course.catalog import steps
from scripts.course.grade import main
from scripts.course.rules.grading import AGAIN
from scripts.course.rules.recount import contradictions
from tests.course.hand_ins import PROOF, STARTED_AT, hand_in, of_share, verdict
from tests.support.text import too_long

HandIn = dict[str, Any]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the hand-ins in a folder, and work there."""
    monkeypatch.chdir(tmp_path)


def graded(capsys: pytest.CaptureFixture[str], *contents: object) -> tuple[int, str]:
    """Return the exit code and what is printed for some hand-ins."""
    files = [Path(f"{number}.json") for number, _ in enumerate(contents)]
    for file, content in zip(files, contents, strict=True):
        file.write_text(json.dumps(content), encoding="utf-8")
    code = main(list(map(str, files)))
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_each_step_has_its_rule() -> None:
    """The steps of course.toml are those that a hand-in is graded by."""
    assert list(AGAIN) == [step.name for step in steps()]


def test_what_is_right_has_no_mark(capsys: pytest.CaptureFixture[str]) -> None:
    """All steps done, a line of the table, and what it is worth: no proof."""
    code, printed = graded(capsys, hand_in())
    assert code == 0, printed
    assert "12345678901234  DONE  STARTS  CHECKS  ANSWERS  HINTS  MINUTES  LEARNER\n" in printed
    assert "dddddddddddddd    14      14      28        8     14       70  Ada\n" in printed
    assert "Evidence, and no proof" in printed
    assert too_long(printed) == []


def test_what_is_not_done_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """An open step, one by solve, and one that was never begun are shown as such."""
    content = hand_in()
    content["steps"]["ten_calls"]["is_solved"] = True
    content["steps"]["three_answers"] |= {"is_done": False, "verdicts": {}}
    del content["steps"]["mystery"]
    code, printed = graded(capsys, content)
    assert code == 0
    assert "\nsoddddd-dddddd    12  " in printed


def counts_of(content: HandIn, step: str, file: str) -> HandIn:
    """Return the counts of a verdict."""
    counts: HandIn = content["steps"][step]["verdicts"][file]["counts"]
    return counts


def other_counts(content: HandIn) -> None:
    """Make a CONFIRMED of answers that would be REFUTED."""
    false = of_share(50, "85-15")
    file = content["steps"]["write_a_state"]["verdicts"]["mine.json"]
    for member in ("counts", "canary_percent"):
        file[member] = false[member]


def said_otherwise(content: HandIn) -> None:
    """Call a REFUTED confirmed, its exit code too."""
    content["steps"]["three_answers"]["verdicts"]["false.json"] |= {"verdict": "CONFIRMED", "exit_code": 0}


def other_name(content: HandIn) -> None:
    """Hand in what another learner has done."""
    content["learner"] = "Bob"


FORGERIES: dict[str, tuple[Callable[[HandIn], object], str]] = {
    "counts": (other_counts, "step 3: mine.json: its counts make REFUTED, and it says CONFIRMED"),
    "verdict": (said_otherwise, "step 2: false.json: its counts make REFUTED, and it says CONFIRMED"),
    "exit code": (
        lambda one: one["steps"]["mystery"]["verdicts"]["repaired.json"].update(exit_code=10),
        "step 8: repaired.json: it says CONFIRMED with exit code 10",
    ),
    "total": (
        lambda one: counts_of(one, "mystery", "repaired.json").update(other=9),
        "step 8: repaired.json: 9 other answers are 0 by their kinds",
    ),
    "drawn": (
        lambda one: counts_of(one, "mystery", "repaired.json")["drawn"].update(canary=400),
        "step 8: repaired.json: 1347 answers were drawn for 1334 requests",
    ),
    "routes": (
        lambda one: counts_of(one, "mystery", "repaired.json")["routes"].update({"70-30": 9}),
        "step 8: repaired.json: 1347 right answers named 9 routes",
    ),
    "share": (
        lambda one: one["steps"]["mystery"]["verdicts"]["repaired.json"].update(canary_percent=30.0),
        "step 8: repaired.json: its counts make 30.66 % of the canary, and it says 30.0",
    ),
    "fraction": (
        lambda one: counts_of(one, "mystery", "repaired.json").update(canary=413.5),
        "step 8: repaired.json: its counts cannot be judged",
    ),
    "negative": (
        lambda one: counts_of(one, "mystery", "repaired.json").update(settling=-1),
        "step 8: repaired.json: its counts cannot be judged",
    ),
    "more than a load test counts": (
        lambda one: counts_of(one, "mystery", "repaired.json").update(stable=10**400),
        "step 8: repaired.json: its counts cannot be judged",
    ),
    "certainty": (
        lambda one: one["steps"]["mystery"]["verdicts"]["repaired.json"]["expected"].update(alpha=0.4),
        "step 8: repaired.json: it is less certain than the course asks for",
    ),
    "no verdict": (
        lambda one: one["steps"]["mystery"]["verdicts"].clear(),
        "step 8: it says done, and what it has says: Envoy serves 70-30, and no verdict",
    ),
    "earlier verdict": (
        lambda one: one["steps"]["mystery"].update(started_at_seconds=STARTED_AT + 200.0),
        "repaired.json was measured before this step started.",
    ),
    "answer": (
        lambda one: one["steps"]["mystery"].update(answer="chance"),
        "step 8: it says done, and what it has says: you named chance",
    ),
    "weight": (
        lambda one: one["steps"]["write_a_state"]["verdicts"].update({"mine.json": of_share(16, "84-16")}),
        "step 3: it says done, and what it has says: Envoy serves 85-15, and no verdict",
    ),
    "another learner": (other_name, "step 3: it says done, and what it has says: Envoy serves"),
    "time": (
        lambda one: one["steps"]["mystery"].update(done_at_seconds=STARTED_AT - 1.0),
        "step 8: it was done before it was started",
    ),
    "later than the file": (
        lambda one: one["steps"]["mystery"].update(done_at_seconds=STARTED_AT + 9000.0),
        "step 8: it was done before it was started, or after the file was written",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_marked(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, totals, verdicts, personal values, answers and times that do not fit each other are named."""
    forge, said = FORGERIES[name]
    content = hand_in()
    forge(content)
    code, printed = graded(capsys, content)
    assert code == 10
    assert f"! 0.json: {content['learner']}: step" in printed
    assert said in " ".join(printed.split())
    assert too_long(printed) == []


@pytest.mark.parametrize(
    "members",
    [
        {"verdict": "INCONCLUSIVE", "exit_code": 11, "decided_after": 299},
        {"verdict": "INCONCLUSIVE", "exit_code": 11, "decided_after": None, "unfinished": 2},
        {"expected": {**verdict(PROOF, 50)["expected"], "max_slowdown": 1.2}, "verdict": "REFUTED", "exit_code": 10},
    ],
)
def test_what_counts_alone_cannot_show_is_not_marked(members: dict[str, Any]) -> None:
    """A run that kept going, one that was cut off, and one that compared the latency, are taken at their word."""
    assert list(contradictions({**verdict(PROOF, 30, "70-30"), **members})) == []


@pytest.mark.parametrize("said", ["REFUTED", "INCONCLUSIVE"])
def test_each_wrong_word_is_a_contradiction(said: str) -> None:
    """A CONFIRMED that is called something else is one, too."""
    content = {**verdict(PROOF, 30, "70-30"), "verdict": said, "exit_code": {"REFUTED": 10}.get(said, 11)}
    assert list(contradictions({**content, "decided_after": None})) == [
        f"its counts make CONFIRMED, and it says {said}"
    ]


def test_the_same_start_in_two_files_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was copied is named, also under another name."""
    copy = deepcopy(hand_in())
    copy["learner"] = "ADA"
    code, printed = graded(capsys, hand_in(), copy)
    assert code == 10
    assert "! 1.json: ADA: the same start of a step is in 0.json" in printed


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        "text",
        {"format": 99},
        {**hand_in(), "steps": []},
        {**hand_in(), "steps": {"mystery": {}}},
        {**hand_in(), "steps": {"mystery": {**hand_in()["steps"]["mystery"], "number": "one"}}},
        {**hand_in(), "steps": {"mystery": {**hand_in()["steps"]["mystery"], "hints": []}}},
        {**hand_in(), "steps": {"mystery": {**hand_in()["steps"]["mystery"], "checks": 10**400}}},
        {**hand_in(), "written_at": "yesterday"},
    ],
)
def test_what_is_no_hand_in_is_named_and_the_others_are_graded(
    content: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken file ends nothing."""
    code, printed = graded(capsys, content, hand_in())
    assert code == 10
    assert "grade: 0.json: it is no hand-in of this course" in " ".join(printed.split())
    assert "\ndddddddddddddd " in printed


def test_a_name_controls_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What a file has is printed as text."""
    code, printed = graded(capsys, {**hand_in(), "learner": "Ada\x1b[2J\nBob"})
    assert code == 10
    assert "\x1b" not in printed
    assert "\nBob" not in printed


def test_a_file_that_is_missing_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is graded then."""
    assert main(["none.json"]) == 2
    assert "No such file" in " ".join(capsys.readouterr().err.split())
