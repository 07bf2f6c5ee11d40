"""No wait without an end: neither in a script nor in a command of a document."""

import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT, tracked

SCRIPTS = [file for file in tracked() if file.suffix == ".sh" and file.is_relative_to(ROOT / "scripts")]
DOCUMENTS = [file for file in tracked() if file.suffix == ".md"]
BLOCK = re.compile(r"```(?:sh|console)\n(.*?)```", re.DOTALL)
LOOP = re.compile(r"\buntil\b[^;]*; do\b|\bwhile (?:true|:|!)")
WAIT = re.compile(r"\b(?:rollout status|kubectl\b.* wait|run kubectl wait) .*")
LIMIT = re.compile(r"--timeout\b")


def commands(file: Path) -> list[str]:
    """Return the lines that are run: those of a script that are no comments, or those of a document's blocks."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".sh":
        return [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    return [line for line in lines if not re.match(r"[A-Z#]", line)]


@pytest.mark.parametrize("file", [*SCRIPTS, *DOCUMENTS], ids=lambda file: str(file.relative_to(ROOT)))
def test_every_wait_has_an_end(file: Path) -> None:
    """No loop waits for something that may never come, and kubectl waits for a limited time."""
    assert [line for line in commands(file) if LOOP.search(line)] == []
    assert [line for line in commands(file) if WAIT.search(line) and not LIMIT.search(line)] == []
