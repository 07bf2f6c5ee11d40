"""A learner: a folder of the repository in which commands are typed."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.lab.state import LabFolder, LabState
from tests.support.processes import run

# So that a right split is not refuted by chance once in a thousand runs of the tests.
ENVIRONMENT: Final = {"LOCUST_ALPHA_STOP": "1e-6", "PYTHONUTF8": "1"}
PYTHON: Final = ".venv/bin/python"
NAME: Final = "Ada"
TIMEOUT_SECONDS: Final = 480.0  # the last step's solution deploys, and releases twice


@dataclass(frozen=True)
class Learner:
    """A learner.

    Attributes:
        repository: a copy of the repository.
        language: the locale in which the commands are typed.
    """

    repository: Path
    language: str = "C.UTF-8"

    def course(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of the course."""
        return self._run(PYTHON, "-m", "scripts.course", *arguments, stdin=stdin)

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the lab."""
        return self._run(PYTHON, "-m", "scripts.lab", *arguments)

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of a text."""
        return self._run("bash", "-c", line)

    def goto(self, number: int) -> None:
        """Start a step."""
        done = self.course("--name", NAME, "goto", str(number))
        assert done.returncode == 0, done.stderr

    @property
    def state(self) -> LabState:
        """The state of the learner's lab."""
        state = LabFolder(self.repository / ".lab").read_state()
        assert state is not None
        return state

    @property
    def verdicts(self) -> Path:
        """The folder of the current step's verdicts."""
        return self.repository / ".course" / "verdicts"

    @property
    def own_state(self) -> Path:
        """The manifest that the learner edits."""
        return self.repository / ".course" / "my-state.yaml"

    def progress(self) -> dict[str, Any]:
        """Return the progress file."""
        content: dict[str, Any] = json.loads((self.repository / ".course" / "progress.json").read_text("utf-8"))
        return content

    def _run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**ENVIRONMENT, "LANG": self.language}
        return run(*argv, cwd=self.repository, environment=environment, stdin=stdin, timeout_seconds=TIMEOUT_SECONDS)
