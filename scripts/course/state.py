"""The folder of the course, `.course`: the progress file, and the verdicts of each step's latest start.

The progress has one writer at a time in a room: the learner. It is replaced by rename, so no reader sees a part of it.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from canary_loadtest.core.message import Message
from scripts.course.errors import CourseError
from scripts.course.rules.finding import Finding

DEFAULT_FOLDER: Final = Path(".course")
FORMAT: Final = 1


@dataclass(frozen=True)
class Attempt:
    """The latest start of a step.

    Attributes:
        number: how often the step was started, with this time.
        nonce: random letters of this start, in the name of its folder of verdicts.
        url: the address of the lab.
        started_at_seconds: when the step's beginning was served, in seconds since the epoch.
        answer: what the learner has answered, "" for nothing yet.
        answered_at_seconds: when, 0.0 for not yet.
        is_done: whether a check has passed.
        is_solved: whether `solve` did the step for the learner.
        hints: how many hints were given, by the cause that was seen.
        checks: how often the step was checked.
        answers: how often it was answered.
        done_at_seconds: when a check first passed, 0.0 for not yet.
        saw: what that check saw.
        outcome: what the latest check reported, "" before the first.
        finding: what it saw.
        look: where it said to look.
        checked_at_seconds: when.
    """

    number: int
    nonce: str
    url: str = ""
    started_at_seconds: float = 0.0
    answer: str = ""
    answered_at_seconds: float = 0.0
    is_done: bool = False
    is_solved: bool = False
    hints: Mapping[str, int] = field(default_factory=dict)
    checks: int = 0
    answers: int = 0
    done_at_seconds: float = 0.0
    saw: str = ""
    outcome: str = ""
    finding: str = ""
    look: str = ""
    checked_at_seconds: float = 0.0

    def with_finding(self, finding: Finding, at_seconds: float) -> "Attempt":
        """Return it with what the latest check reported.

        Args:
            finding: what it saw.
            at_seconds: when, in seconds since the epoch.
        """
        return replace(
            self,
            outcome=finding.outcome.value,
            finding=finding.saw,
            look=finding.look,
            checked_at_seconds=at_seconds,
        )


@dataclass(frozen=True)
class Progress:
    """How far a learner is.

    Attributes:
        learner: the name, from which the personal values are made.
        current: the name of the step that was started last, "" for none.
        attempts: the latest start of each step, by its name.
    """

    learner: str
    current: str = ""
    attempts: Mapping[str, Attempt] = field(default_factory=dict)

    def with_attempt(self, step: str, attempt: Attempt) -> "Progress":
        """Return it with another attempt at a step, which becomes the current one."""
        return replace(self, current=step, attempts={**self.attempts, step: attempt})


@dataclass(frozen=True)
class CourseFolder:
    """The folder of the course."""

    path: Path = DEFAULT_FOLDER

    @property
    def file(self) -> Path:
        """The progress file."""
        return self.path / "progress.json"

    @property
    def latest(self) -> Path:
        """The link to the verdicts of the current step's start, which a learner types."""
        return self.path / "verdicts"

    @property
    def own_state(self) -> Path:
        """The manifest that a learner edits."""
        return self.path / "my-state.yaml"

    def hand_in(self, learner: str) -> Path:
        """Return the file that a learner hands in."""
        name = re.sub(r"[^\w-]+", "-", learner).strip("-")
        return self.path / f"hand-in-{name or 'learner'}.json"

    def verdicts(self, step: str, attempt: Attempt) -> Path:
        """Return the folder of the verdicts of a step's start."""
        return self.path / f"verdicts-{step}-{attempt.nonce}"

    def read(self) -> Progress | None:
        """Return the progress, None where there is none.

        Raises:
            CourseError: the file is no progress file.
        """
        try:
            content: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
            attempts = {name: Attempt(**one) for name, one in content["attempts"].items()}
            return Progress(content["learner"], content["current"], attempts)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CourseError(
                Message(
                    "{file}: it is not a progress file of this course ({error}): move it away and begin again",
                    file=self.file,
                    error=error,
                )
            ) from error

    def write(self, progress: Progress) -> None:
        """Replace the progress file.

        Raises:
            CourseError: the folder cannot be written.
        """
        try:
            self.path.mkdir(exist_ok=True)
            draft = self.file.with_name(".progress.json.partial")
            content = {"format": FORMAT, **asdict(progress)}
            draft.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            draft.replace(self.file)
        except OSError as error:
            raise CourseError(
                Message(
                    "{path}: {strerror}: work in a folder that is writable", path=self.path, strerror=error.strerror
                )
            ) from error

    def make_verdicts(self, step: str, attempt: Attempt, former: Attempt | None) -> None:
        """Make the folder of the verdicts of a start in place of the former start's, and let the link lead to it.

        Raises:
            CourseError: the folder cannot be written.
        """
        try:
            if former:
                shutil.rmtree(self.verdicts(step, former), ignore_errors=True)
            made = self.verdicts(step, attempt)
            made.mkdir(parents=True)
            draft = self.path / ".verdicts.partial"
            draft.unlink(missing_ok=True)
            draft.symlink_to(made.name, target_is_directory=True)
            draft.replace(self.latest)
        except OSError as error:
            raise CourseError(
                Message(
                    "{path}: {strerror}: work in a folder that is writable", path=self.path, strerror=error.strerror
                )
            ) from error
