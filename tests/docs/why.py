"""docs/why-is-my-split-wrong.md as the tests read it, and how its commands are run and compared."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from canary_loadtest.core.outcome import EXIT_CODES, Outcome
from tests.docs.documents import CONSOLE, is_shown
from tests.support.repository import ROOT

PAGE: Final = ROOT / "docs" / "why-is-my-split-wrong.md"
TRANSLATION: Final = ROOT / "docs" / "why-is-my-split-wrong.zh-CN.md"
SETUP: Final = re.compile(r"```sh\n(.*?)```", re.DOTALL)
VERDICT: Final = re.compile(r"^verdict:  (\w+)", re.MULTILINE)
# How long the page lets a run, or a change on its way, take, in seconds, and how long a busy machine may need.
SHORT: Final = re.compile(r"(?<=-t )\d(?=s)|(?<=sleep )\d")
LONGER: Final = ("5", "15")
COMMAND_SECONDS = 120.0

Example = tuple[str, str]


@dataclass(frozen=True)
class Part:
    """A chapter of the page.

    Attributes:
        setup: what a reader types once, before all else.
        opening: the examples (command, what it prints) before the first cause.
        causes: the examples of each cause, by its heading.
    """

    setup: str
    opening: list[Example]
    causes: dict[str, list[Example]]


def part(number: int, document: Path = PAGE) -> Part:
    """Return a chapter of the page: 1 is the lab, 2 the cluster; 0, the table of symptoms, has no examples."""
    opening, *causes = document.read_text(encoding="utf-8").split("\n## ")[number + 1].split("\n### ")
    return Part(
        setup="".join(SETUP.findall(opening)),
        opening=CONSOLE.findall(opening),
        causes={cause.partition("\n")[0]: CONSOLE.findall(cause) for cause in causes},
    )


@dataclass(frozen=True)
class Shell:
    """A reader's terminal.

    Attributes:
        setup: what has been typed in it before.
        folder: where it stands.
        real: what is meant here by a documented address or name.
        environment: variables that are set in addition to the tests' own.
    """

    setup: str
    folder: Path
    real: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def check(self, example: Example) -> None:
        """Run a command of the page, and hold what it prints, and its exit code, against what the page shows.

        Raises:
            AssertionError: they differ; the message has both.
        """
        command, shown = example
        printed, exit_code = self.run(command)
        for seconds in LONGER if SHORT.search(command) else ():
            if not is_shown(shown, printed):
                printed, exit_code = self.run(SHORT.sub(seconds, command))
        assert is_shown(shown, printed), f"$ {command}\n{printed}\nis not what the page shows:\n{shown}"
        if verdicts := VERDICT.findall(shown):
            assert exit_code == EXIT_CODES[Outcome(verdicts[-1])], f"$ {command}\n{printed}"

    def run(self, command: str) -> tuple[str, int]:
        """Return what a command prints, standard error included, in the page's words, and its exit code."""
        text = f"{self.setup}\n{command}"
        for documented, real in self.real.items():
            text = text.replace(documented, real)
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=self.folder,
            env={**os.environ, "PYTHONUTF8": "1", **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        printed = done.stdout
        for documented, real in self.real.items():
            printed = printed.replace(real, documented)
        return printed, done.returncode
