"""What a step works with, wherever it runs: the learner, the attempt, its verdicts, and commands that are shown."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from scripts.course.evidence import read as read_evidence
from scripts.course.rules.verdicts import Evidence, Mark
from scripts.course.state import Attempt, CourseFolder
from scripts.lab.measure import in_lines
from scripts.lab.terminal import PROGRAM


@dataclass(frozen=True)
class Desk:
    """What a step works with.

    Attributes:
        folder: the folder of the course.
        learner: the learner's name.
        step: the step's name.
        attempt: its latest start.
    """

    folder: CourseFolder
    learner: str
    step: str
    attempt: Attempt

    def evidence(self) -> Evidence:
        """Return the verdicts of the step's start."""
        mark = Mark(self.attempt.url, self.attempt.started_at_seconds)
        return read_evidence(self.folder.verdicts(self.step, self.attempt), mark)

    def answered(self, text: str) -> Attempt:
        """Print the command that answers the step's question, and return the attempt with the answer."""
        print(in_lines([*PROGRAM.replace("scripts.lab", "scripts.course").split(), "answer", text]), flush=True)
        return replace(self.attempt, answer=text, answered_at_seconds=time.time(), answers=self.attempt.answers + 1)

    def into(self, file: str) -> tuple[str, str]:
        """Return the options by which the load test writes its verdict into a file of the step's folder."""
        return "--verdict-json", str(self.folder.latest / file)

    @contextmanager
    def alongside(self, *argv: str) -> Iterator[None]:
        """Print a command of this Python, let it run as a process of its own meanwhile, and wait for its end."""
        print(f"{in_lines([PROGRAM.split()[0], *argv])} &", flush=True)
        # In this session, so that it gets a Ctrl-C, too.
        with subprocess.Popen([sys.executable, *argv]):  # noqa: S603 - the project's own, without a shell
            yield
