"""The course's files: each step has its place, its minutes, its code and its text in both languages."""

import importlib
import re
from math import ceil, comb
from pathlib import Path

import pytest

from scripts.course.catalog import NEEDS, WORKSHOP, Step, steps
from tests.course.files import problems
from tests.support.repository import text_of

STEPS = steps()


def id_of(step: Step) -> str:
    """Return a step's name, for the name of a test."""
    return step.name


def test_course_toml_names_every_file_of_the_steps() -> None:
    """Nothing under docs/workshop/steps is left out, and nothing is missing."""
    assert problems(WORKSHOP / "steps", [step.folder for step in STEPS]) == []


def test_a_stray_or_a_missing_file_is_found(tmp_path: Path) -> None:
    """A folder that course.toml does not name fails, and so does a step without its translation."""
    for file in ("10-one/text.md", "20-stray/text.md"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    assert problems(tmp_path, ["10-one"]) == [
        "20-stray/text.md: course.toml does not name it",
        "10-one/text.zh-CN.md: it is missing",
    ]


def test_the_steps_are_in_the_order_of_their_folders() -> None:
    """The order of course.toml is the one that a reader of the folder sees, and no name is there twice."""
    folders = [step.folder for step in STEPS]
    assert folders == sorted(set(folders))
    assert len({step.name for step in STEPS}) == len(STEPS)


@pytest.mark.parametrize("step", STEPS, ids=id_of)
def test_each_step_has_its_minutes_and_its_need(step: Step) -> None:
    """The minutes are a whole number that a room can plan with, and the need is one that the course knows."""
    assert isinstance(step.minutes, int)
    assert step.needs in NEEDS


@pytest.mark.parametrize("step", STEPS, ids=id_of)
def test_the_minutes_are_those_that_course_toml_computes(step: Step) -> None:
    """120 words a minute, half a minute for each command, one for the machine, and one more where a file is edited."""
    text = step.text.read_text(encoding="utf-8")
    words = re.sub(r"```.*?```", "", text, flags=re.DOTALL).split()
    commands = re.findall(r"^```console\n\$ ", text, re.MULTILINE)
    edit = "my-state.yaml" in text
    assert step.minutes == ceil(len(words) / 120 + len(commands) / 2 + 1 + edit)


@pytest.mark.parametrize("step", STEPS, ids=id_of)
def test_each_step_has_code(step: Step) -> None:
    """Its module has start, check and solve."""
    module = importlib.import_module(f"scripts.course.steps.{step.name}")
    assert all(callable(getattr(module, verb)) for verb in ("start", "check", "solve"))


@pytest.mark.parametrize("step", STEPS, ids=id_of)
def test_each_text_has_its_title_its_goal_and_folded_answers(step: Step) -> None:
    """The title is course.toml's, the goal is one sentence, and each question has its answer, in both languages."""
    english = step.text.read_text(encoding="utf-8")
    chinese = step.text.with_name("text.zh-CN.md").read_text(encoding="utf-8")
    assert english.startswith(f"# Step {step.number}: {step.title[0].lower()}{step.title[1:]}\n")
    assert chinese.startswith(f"# 第 {step.number} 步：")
    assert step.goal.endswith(".")
    asked = re.findall(r"\*\*Question (\d):", english)
    assert asked
    assert asked == re.findall(r"<summary>Question (\d)</summary>", english)
    assert asked == re.findall(r"\*\*问题 (\d)：", chinese) == re.findall(r"<summary>问题 (\d)</summary>", chinese)


@pytest.mark.parametrize("step", STEPS, ids=id_of)
def test_what_a_check_points_to_is_in_the_text(step: Step) -> None:
    """Each part of the text that a check names is one of its headings, also in the Chinese text."""
    named = set(re.findall(r'The part "([A-Z][^"]+)"', text_of(f"scripts/course/rules/{step.name}.py")))
    for text in (step.text, step.text.with_name("text.zh-CN.md")):
        headings = "\n".join(re.findall(r"^## .*$", text.read_text(encoding="utf-8"), re.MULTILINE))
        assert [part for part in named if part not in headings] == []


def test_the_manifest_that_the_text_shows_is_the_one_that_is_copied() -> None:
    """The YAML of step 3 is the end of the state that its start serves."""
    for text in ("text.md", "text.zh-CN.md"):
        (shown,) = re.findall(r"```yaml\n(.*?)```", text_of(f"docs/workshop/steps/30-write-a-state/{text}"), re.DOTALL)
        assert text_of("istio/virtual-service-100-0.yaml").endswith(shown)


def test_the_figures_of_the_bet_are_right() -> None:
    """Four or more of ten at 30 %, three or fewer at 50 %, and the mean; no other limit loses less often."""

    def at_least(limit: int, percent: int) -> float:
        share = percent / 100
        return sum(comb(10, count) * share**count * (1 - share) ** (10 - count) for count in range(limit, 11))

    losses = {limit: (at_least(limit, 30), 1 - at_least(limit, 50)) for limit in range(12)}
    best = min(losses, key=lambda limit: sum(losses[limit]))
    figures = [f"{100 * loss:.0f} %" for loss in (*losses[best], sum(losses[best]) / 2)]
    assert best == 4
    for text in ("text.md", "text.zh-CN.md"):
        assert all(figure in text_of(f"docs/workshop/steps/10-ten-calls/{text}") for figure in figures)
