"""The instructor's page is true: what it quotes is what the course says, and its minutes are those of the steps."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.course.catalog import Step, steps
from scripts.course.grade import EXIT_MARKED, main
from tests.course.hand_ins import hand_in, of_share
from tests.course.learner import Learner
from tests.course.mistakes import MISTAKES, PAGES, assert_mistakes_are_said, rows
from tests.docs.documents import console_examples, is_shown

STEPS: Final = steps()
LEARNERS: Final = ("Ada", "Bo", "Chen")


def id_of(step: Step) -> str:
    """Return a step's name, for the name of a test."""
    return step.name


@pytest.mark.parametrize("step", STEPS, ids=id_of)
def test_each_step_has_three_failures_in_both_languages(step: Step) -> None:
    """The rows of both pages quote the same, and each has a mistake that brings it about."""
    english, chinese = (rows(page, step.number) for page in PAGES)
    assert len(english) == len(MISTAKES[step.number]) == 3
    assert english == chinese


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_minutes_are_those_of_course_toml(page: Path) -> None:
    """The table of the steps has each of them with its minutes, and their sum."""
    text = page.read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \|[^|]+\| (\d+) \|[^|]+\|[^|]+\|[^|]+\|$", text, re.MULTILINE)
    assert listed == [(str(step.number), str(step.minutes)) for step in STEPS]
    assert re.search(
        rf"^\| 1 [^|]+ {len(STEPS)} \|[^|]*\| {sum(step.minutes for step in STEPS)} \|", text, re.MULTILINE
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("minutes", [45, 90, 180])
def test_a_plan_adds_up(page: Path, minutes: int) -> None:
    """Each row begins where the one before ends, the last one ends with the time, and a step has its minutes."""
    section = re.split(r"^### ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (own,) = [one for one in section if one.startswith(f"{minutes} ")]
    planned = [(int(at), int(takes)) for at, takes in re.findall(r"^\| (\d+) \| (\d+) \|", own, re.MULTILINE)]
    ends = [at + takes for at, takes in planned]
    assert [at for at, _ in planned] == [0, *ends[:-1]]
    assert ends[-1] == minutes
    of_steps = re.findall(r"^\| \d+ \| (\d+) \| (?:step|第) (\d+)(?: 步)?(?:: [^|]+|：[^|]+)? \|", own, re.MULTILINE)
    assert all(int(takes) == STEPS[int(number) - 1].minutes for takes, number in of_steps)
    assert len(of_steps) == {45: 4, 90: 8, 180: 5}[minutes]


def test_the_table_of_hand_ins_is_what_grade_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of three hand-ins one is whole, one has a step by solve and an open one, and one was changed by hand."""
    monkeypatch.chdir(tmp_path)
    Path("hand-ins").mkdir()
    for name, content in zip(LEARNERS, made(), strict=True):
        Path(f"hand-ins/hand-in-{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (shown,) = [shown for command, shown in console_examples(PAGES[0]) if command.endswith("grade hand-ins/*.json")]
    assert main([*map(str, sorted(Path("hand-ins").iterdir()))]) == EXIT_MARKED
    printed = capsys.readouterr().out
    assert is_shown(shown, printed), printed


def made() -> Sequence[dict[str, Any]]:
    """Return the three hand-ins."""
    whole, helped, forged = map(hand_in, LEARNERS)
    for number, content in enumerate((whole, helped, forged)):
        for step in content["steps"].values():
            step["nonce"] += f"-{number}"
    helped["steps"]["write_a_state"]["is_solved"] = True
    helped["steps"]["whose_errors"] |= {"is_done": False, "verdicts": {}}
    del helped["steps"]["mystery"]
    file = forged["steps"]["mystery"]["verdicts"]["repaired.json"]
    file |= {key: of_share(40, "70-30")[key] for key in ("counts", "canary_percent")}
    return whole, helped, forged


@pytest.mark.mistakes
@pytest.mark.parametrize("step", [step for step in STEPS if step.place == "lab"], ids=id_of)
def test_each_failure_is_said_as_the_page_quotes_it(learner: Learner, step: Step) -> None:
    """After the step's start and a mistake the check is not passed, and says what the page has, figures aside."""
    assert_mistakes_are_said(learner, step)
