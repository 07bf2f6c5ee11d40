"""The chapters of docs/workshop/, held against what their commands print on the cluster of the tests."""

import re
from collections.abc import Iterable

from tests.docs.documents import NAME_PARTS, console_examples, pattern_of
from tests.support.repository import ROOT
from tests.support.text import unwrapped

FOLDER = ROOT / "docs" / "workshop"
DOCUMENTED_CLUSTER = "canary-cluster"
TRANSIENT = re.compile(r"\b(?:Terminating|Completed)\b")
WARNING = "Warning: "
TABLE_HEAD = re.compile(r"[A-Z][A-Z-]*(?: +[A-Z][A-Z-]*)+")
HASHED_NAME = re.compile(rf"\S+-{NAME_PARTS}{{5,10}}(?= )")
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
    """Return an output without what depends on the moment or on the version of Kubernetes.

    Pods that are just going are left out, and what kubectl warns of, which each version does of other things. Rows that
    kubectl lists by names with hashes are put into an order that no hash decides: a pod template has another hash in
    each version of Kubernetes. The lines of a verdict are joined: where they break depends on its figures.
    """
    lines = [line.rstrip() for line in unwrapped(output).rstrip().splitlines()]
    staying = [line for line in lines if not TRANSIENT.search(line) and not line.startswith(WARNING)]
    return "".join(f"{line}\n" for line in _in_order(staying))


def _in_order(lines: Iterable[str]) -> list[str]:
    """Return lines with the rows below each table's head by their words apart from hashes and figures.

    The rows end where a name comes again: what a watch shows from there on are changes, whose order counts.
    """
    placed: list[tuple[int, str, str]] = []
    head, listed = 0, None
    for number, line in enumerate(lines):
        name = HASHED_NAME.match(line)
        if listed is not None and name and name[0] not in listed:
            listed.add(name[0])
            placed.append((head, pattern_of(line).pattern, line))
        else:
            head, listed = number, set[str]() if TABLE_HEAD.fullmatch(line) else None
            placed.append((number, "", line))
    return [line for _, _, line in sorted(placed)]
