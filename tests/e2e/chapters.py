"""The chapters of docs/workshop/, held against what their commands print on the cluster of the tests."""

import re
from collections.abc import Iterable

from tests.docs.documents import console_examples, pattern_of
from tests.support.repository import ROOT
from tests.support.text import unwrapped

FOLDER = ROOT / "docs" / "workshop"
DOCUMENTED_CLUSTER = "canary-lab"
TRANSIENT = re.compile(r"\b(?:Terminating|Completed)\b")
FLOW_CHAPTERS = ("01-rolling-update.md", "02-paused-canary.md")
MESH_CHAPTERS = ("03-istio.md",)


class Chapters:
    """The examples of all flows, each compared the first time that its command is run."""

    def __init__(self) -> None:
        """Read the English chapters; `tests/docs/test_docs.py` holds the translations against them."""
        names = (*FLOW_CHAPTERS, *MESH_CHAPTERS)
        self._shown = dict(example for name in names for example in console_examples(FOLDER / name))

    def unproven(self, chapters: Iterable[str]) -> list[str]:
        """Return the commands of some chapters that have not been run yet."""
        commands = [command for name in chapters for command, _ in console_examples(FOLDER / name)]
        return [command for command in commands if command in self._shown]

    def compare(self, command: str, printed: str, *, cluster: str) -> None:
        """Hold what a command has printed against the chapter that shows it; one that none shows, or again, is fine.

        Args:
            command: as the chapter has it.
            printed: what it printed, standard error included.
            cluster: the name of the cluster it ran on, which stands for the documented one.

        Raises:
            AssertionError: the chapter shows something else; the message has both.
        """
        shown = self._shown.pop(command, None)
        if shown is None:
            return
        real, documented = _steady(printed.replace(cluster, DOCUMENTED_CLUSTER)), _steady(shown)
        assert pattern_of(documented).fullmatch(unwrapped(real)), (
            f"$ {command}\n{real}\nis not what the chapter shows:\n{shown}"
        )


def _steady(output: str) -> str:
    """Return an output without the lines that depend on the moment: pods that are just going."""
    lines = (line.rstrip() for line in output.rstrip().splitlines())
    return "".join(f"{line}\n" for line in lines if not TRANSIENT.search(line))
