"""Reads the tables of docs/hard-to-fool.md, so that tests can hold them against the cases that they run."""

from tests.support.repository import ROOT

DOCUMENT = ROOT / "docs" / "hard-to-fool.md"


def documented_rows(heading: str) -> list[list[str]]:
    """Return the cells of each row of the table under a heading, without the table's own head."""
    _, _, section = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines[2:]]
