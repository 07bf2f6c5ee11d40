"""What the page shows, made from the progress; a template makes it HTML, with every text escaped."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from canary_loadtest.output.text import columns
from scripts.course.catalog import Step, steps
from scripts.course.order import next_open
from scripts.course.page.words import CHINESE, ENGLISH, WORDS
from scripts.course.rules.finding import Outcome
from scripts.course.rules.personal import own_percent
from scripts.course.state import Attempt, Progress

FOLDER: Final = Path(__file__).parent
LEARNER: Final = "learner"
PROJECTOR: Final = "projector"
# A step that was left open longer was left for something else.
LONGEST_MINUTES: Final = 90
# Each outcome and state of a step has a sign of its own, so that none rests on a colour.
SIGNS: Final = {Outcome.DONE: "✓", Outcome.NOT_YET: "…", Outcome.CANNOT_TELL: "?"}
STATE_SIGNS: Final = {"is_done": "✓", "is_solved": "✓", "is_open": "…", "is_new": "○"}
VERDICTS: Final = (("CONFIRMED", "✓", 0), ("REFUTED", "✕", 10), ("INCONCLUSIVE", "?", 11))
# Where a translation has what the catalogue reads from the English text.
TITLE: Final = re.compile(r"# 第 \d+ 步：(.+)")
GOAL: Final = re.compile(r"\*\*目标：\*\*(.+?)\n\n", re.DOTALL)


@dataclass(frozen=True)
class Wish:
    """How somebody wants the page.

    Attributes:
        language: one of `WORDS`.
        view: `LEARNER` or `PROJECTOR`.
    """

    language: str = ENGLISH
    view: str = LEARNER


def html(progress: Progress | None, wish: Wish, now_seconds: float, problem: str = "") -> str:
    """Return the page.

    Args:
        progress: the learner's, None where nothing has begun.
        wish: how it is wanted.
        now_seconds: the time, in seconds since the epoch.
        problem: why the progress cannot be read, "" where it can.
    """
    words = WORDS[wish.language]
    listed = steps()
    current = next((step for step in listed if progress and step.name == progress.current), None)
    shown = _step(current, progress, wish, now_seconds) if progress and current else None
    return _template().render(
        words=words,
        wish=wish,
        other_language=ENGLISH if wish.language == CHINESE else CHINESE,
        views=((LEARNER, words["learner"]), (PROJECTOR, words["projector"])),
        problem=problem,
        step=shown,
        steps=[_listed(step, progress, wish.language) for step in listed],
        verdicts=VERDICTS,
    )


@cache
def _template() -> Template:
    """Return the page's template, made once: the page asks every second while the load test needs the processor."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _step(step: Step, progress: Progress, wish: Wish, now_seconds: float) -> Mapping[str, Any]:
    """Return the current step as the template shows it."""
    words, attempt = WORDS[wish.language], progress.attempts[step.name]
    title, goal, text = _told(step, wish.language)
    following = next_open(steps(), progress)
    minute = int(max(now_seconds - attempt.started_at_seconds, 0) // 60) + 1
    # The room goes on when the one at the projector is done.
    is_over = minute > LONGEST_MINUTES or (attempt.is_done and wish.view == LEARNER)
    return {
        "number": step.number,
        "heading": words["step"].format(number=step.number, title=title),
        "goal": goal.replace("`", ""),
        "text": text,
        "time": words["planned" if is_over else "minutes"].format(minute=minute, minutes=step.minutes),
        "url": attempt.url,
        "weight": own_percent(progress.learner),
        "seen": _seen(attempt, words),
        "next": following and {"number": following.number, "title": _told(following, wish.language)[0]},
    }


def _seen(attempt: Attempt, words: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return what the latest check of a start saw, None before the first one."""
    if not attempt.outcome:
        return None
    outcome = Outcome(attempt.outcome)
    when = "checked_uncounted" if outcome is Outcome.CANNOT_TELL else "checked"
    clock = time.strftime("%H:%M:%S", time.localtime(attempt.checked_at_seconds))
    return {
        "kind": outcome.name.lower().replace("_", "-"),
        "sign": SIGNS[outcome],
        "outcome": words[outcome.value],
        "said": attempt.finding,
        "look": attempt.look,
        # That of the terminal on which it was checked: Chinese has characters of two columns.
        "language": CHINESE if columns(attempt.finding) > len(attempt.finding) else ENGLISH,
        "when": words[when].format(time=clock, count=attempt.checks),
    }


def _listed(step: Step, progress: Progress | None, language: str) -> Mapping[str, Any]:
    """Return a step as the list of all steps has it."""
    attempt = progress.attempts.get(step.name) if progress else None
    state = "is_new"
    if attempt:
        state = "is_open" if not attempt.is_done else "is_solved" if attempt.is_solved else "is_done"
    return {
        "number": step.number,
        "title": _told(step, language)[0],
        "minutes": step.minutes,
        "kind": state.replace("_", "-"),
        "sign": STATE_SIGNS[state],
        "state": WORDS[language][state],
        "is_current": progress is not None and step.name == progress.current,
    }


def _told(step: Step, language: str) -> tuple[str, str, str]:
    """Return a step's title, its goal and the path of its text, in a language."""
    name = f"docs/workshop/steps/{step.folder}/{step.text.name}"
    if language == ENGLISH:
        return step.title, step.goal, name
    file = step.text.with_suffix(".zh-CN.md")
    text = file.read_text(encoding="utf-8")
    return TITLE.findall(text)[0], " ".join(GOAL.findall(text)[0].split()), name.replace(".md", ".zh-CN.md")
