"""A table of many hand-ins: each verdict is computed again from its counts, and each step's rule is applied again."""

import argparse
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from canary_loadtest.output.text import one_line
from scripts.course.catalog import Step, steps
from scripts.course.evidence import MOST_BYTES, UNREADABLE, evidence_of
from scripts.course.room import fitted, summary
from scripts.course.rules.grading import FORMAT, Record, marks
from scripts.course.rules.recount import contradictions
from scripts.course.rules.ten_calls import Bet
from scripts.course.rules.verdicts import Mark
from scripts.course.state import Attempt
from scripts.course.why import named
from scripts.lab.terminal import WIDTH, filled, print_error

DONE_BY_HAND: Final = "d"
EXIT_FINE: Final = 0
EXIT_USAGE: Final = 2
EXIT_MARKED: Final = 10
COLUMNS: Final = ("DONE", "STARTS", "CHECKS", "ANSWERS", "HINTS", "MINUTES")
EPILOG: Final = """In the table: d done, s done by solve, o open, - not begun, ! marked.
MINUTES are those from the start of each done step to its done, added.
Below the table of a room: how many are where in each step, and the median of
the minutes of those who have done it by hand.

exit codes:
  0    no file is marked
  2    wrong usage
  10   a file is marked, or is no hand-in
"""
NOTE: Final = (
    "Evidence, and no proof: where nothing is marked, counts, verdicts, personal values and times agree with each "
    "other. What Envoy served is in no file."
)


@dataclass(frozen=True)
class Grade:
    """What a hand-in is worth.

    Attributes:
        learner: the learner's name.
        letters: a letter for each step.
        row: the figures of the table, as `COLUMNS` orders them.
        marks: what to look at, each with its step.
        nonces: by which its starts are known.
        minutes: what each step took that was done by hand, by the step's index.
    """

    learner: str
    letters: str
    row: Sequence[float]
    marks: Sequence[str]
    nonces: frozenset[str]
    minutes: Mapping[int, float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of some hand-ins, and return the exit code, as `--help` explains it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(
        prog="python -m scripts.course.grade",
        description="Compute the verdicts of hand-ins again, and print a table.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="what the course's hand-in has written")
    grades: dict[str, Grade] = {}
    unread = 0
    for file in dict.fromkeys(parser.parse_args(arguments).files):
        try:
            grades[str(file)] = _graded(_content(file))
        except OSError as error:
            print_error("grade", f"{file}: {error.strerror}")
            return EXIT_USAGE
        except UNREADABLE as error:
            print_error(
                "grade",
                f"{file}: it is no hand-in of this course ({one_line(str(error))}): name the file that the course's "
                "hand-in has written",
            )
            unread += 1
    _print(grades)
    return EXIT_MARKED if unread or any(_all_marks(grades)) else EXIT_FINE


def _content(file: Path) -> Mapping[str, Any]:
    if file.stat().st_size > len(steps()) * MOST_BYTES:
        raise ValueError("it is too large")
    content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']}, and not {FORMAT}")
    return content


def _graded(content: Mapping[str, Any]) -> Grade:
    """Return what a hand-in is worth; raises an error of UNREADABLE where it is none."""
    learner, begun = str(content["learner"]), dict(content["steps"].items())
    written_at = datetime.fromisoformat(content["written_at"]).timestamp()
    letters, found, attempts = "", [], []
    minutes: dict[int, float] = {}
    for index, step in enumerate(steps()):
        if step.name not in begun:
            letters += "-"
            continue
        fields = dict(begun[step.name])
        verdicts = fields.pop("verdicts")
        attempt = Attempt(**fields)
        own = _marks(step, learner, attempt, verdicts)
        own += list(_of_times(attempt, written_at))
        letters += "!" if own else _letter(attempt)
        if letters[index] == DONE_BY_HAND:
            minutes[index] = (attempt.done_at_seconds - attempt.started_at_seconds) / 60
        found += [f"step {step.number}: {mark}" for mark in own]
        attempts.append(attempt)
    return Grade(learner, letters, _row(attempts), found, frozenset(one.nonce for one in attempts), minutes)


def _row(attempts: Sequence[Attempt]) -> list[float]:
    """Return the figures of the table; raises OverflowError for one that no terminal could show."""
    done = [one for one in attempts if one.is_done]
    figures = (
        len(done),
        sum(one.number for one in attempts),
        sum(one.checks for one in attempts),
        sum(one.answers for one in attempts),
        sum(sum(one.hints.values()) for one in attempts),
        round(sum(one.done_at_seconds - one.started_at_seconds for one in done) / 60),
    )
    return list(map(float, figures))


def _marks(step: Step, learner: str, attempt: Attempt, verdicts: Mapping[str, Any]) -> list[str]:
    contrary = [f"{file}: {what}" for file, content in verdicts.items() for what in _contrary(content)]
    record = Record(
        learner=learner,
        number=attempt.number,
        bet=Bet(attempt.answer, attempt.answered_at_seconds),
        named=named(attempt.answer),
        evidence=evidence_of(verdicts, Mark(attempt.url, attempt.started_at_seconds)),
        is_done=attempt.is_done,
        contradictions=tuple(contrary),
    )
    return marks(step.name, record)


def _contrary(content: Mapping[str, Any]) -> list[str]:
    try:
        return list(contradictions(content))
    except UNREADABLE as error:
        return [f"its counts cannot be judged ({error})"]


def _of_times(attempt: Attempt, written_at_seconds: float) -> Iterator[str]:
    if attempt.is_done and not attempt.started_at_seconds <= attempt.done_at_seconds <= written_at_seconds + 1:
        yield "it was done before it was started, or after the file was written"


def _letter(attempt: Attempt) -> str:
    if not attempt.is_done:
        return "o"
    return "s" if attempt.is_solved else DONE_BY_HAND


def _all_marks(grades: Mapping[str, Grade]) -> Iterator[str]:
    """Yield what is marked in each file, and which files have the same start of a step."""
    seen = Counter(nonce for grade in grades.values() for nonce in grade.nonces)
    for file, grade in grades.items():
        yield from (f"{file}: {grade.learner}: {mark}" for mark in grade.marks)
        others = [one for one, other in grades.items() if one != file and grade.nonces & other.nonces]
        if any(seen[nonce] > 1 for nonce in grade.nonces):
            yield f"{file}: {grade.learner}: the same start of a step is in {', '.join(others)}"


def _print(grades: Mapping[str, Grade]) -> None:
    numbers = "".join(str(step.number % 10) for step in steps())
    head = "  ".join([numbers, *COLUMNS, ""])
    print(f"{head}LEARNER")
    for grade in grades.values():
        figures = [f"{figure:>{len(column)}g}" for figure, column in zip(grade.row, COLUMNS, strict=True)]
        print("  ".join([grade.letters, *figures, fitted(one_line(grade.learner), WIDTH - len(head))]))
    if len(grades) > 1:
        room = list(grades.values())
        print("", *summary([one.letters for one in room], [one.minutes for one in room]), "", sep="\n")
    for mark in _all_marks(grades):
        print(filled(f"! {one_line(mark)}", "  "))
    print(filled(NOTE))


if __name__ == "__main__":
    sys.exit(main())
