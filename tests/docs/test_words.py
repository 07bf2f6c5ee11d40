"""The texts keep to the words of docs/words.txt."""

import re
from typing import Final

import pytest

from tests.support.repository import ROOT, tracked

LIST: Final = ROOT / "docs" / "words.txt"
TEXTS: Final = {".css", ".html", ".js", ".md", ".py", ".sh", ".toml", ".yaml", ".yml", ""}
# The chapters 01 to 03 become steps of the course, where their text is written again.
NOT_OURS: Final = ("tests/data/", "docs/workshop/0", "docs/benchmarks.md", "CHANGELOG.md", "LICENSE")
# Between two words of a phrase: also the end of a line, with the mark of a comment at the beginning of the next one.
GAP: Final = r"\s+(?:(?:#|//|\*|>)\s+)?"


def entries(text: str) -> dict[str, str]:
    """Return the better words by the phrase to avoid, from a text in the form of the list."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {avoid: better for avoid, _, better in (line.partition(" -> ") for line in lines)}


def findings(text: str, better: dict[str, str]) -> list[tuple[int, str]]:
    """Return (line, what to write instead of what) for each phrase of the list in a text."""
    phrases = "|".join(GAP.join(map(re.escape, phrase.split())) for phrase in better)
    return [
        (text.count("\n", 0, found.start()) + 1, f"{phrase}: write {better[phrase]}")
        for found in re.finditer(rf"(?<![\w-])(?:{phrases})(?![\w-])", text, re.IGNORECASE)
        for phrase in [" ".join(re.sub(r"\s(?:#|//|\*|>)\s", " ", found[0]).lower().split())]
    ]


@pytest.mark.parametrize("shown", ["mend it", "this\nends so", "# for\n# whom it matters", "A Door."])
def test_a_phrase_is_found_wherever_its_line_ends(shown: str) -> None:
    """Capitals, the end of a line and the mark of a comment hide no phrase."""
    assert findings(shown, entries(LIST.read_text(encoding="utf-8")))


def test_a_longer_word_is_not_a_finding() -> None:
    """The list is of whole words."""
    assert findings("outdoors, recommend, x-door-y", entries(LIST.read_text(encoding="utf-8"))) == []


def test_no_text_has_a_word_to_avoid() -> None:
    """Every text that we write keeps to the list; each finding names file, line and the better words."""
    better = entries(LIST.read_text(encoding="utf-8"))
    names = {
        str(file.relative_to(ROOT)): file for file in tracked() if file.suffix in TEXTS and ".min." not in file.name
    }
    found = [
        f"{name}:{line}: {remark}"
        for name, file in names.items()
        if not name.startswith(NOT_OURS) and name != "tests/docs/test_words.py" and file.is_file()
        for line, remark in findings(file.read_text(encoding="utf-8"), better)
    ]
    assert found == [], "\n".join(found)


def test_every_suppression_has_its_reason() -> None:
    """A `noqa` names its codes and, after a hyphen, its reason."""
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in tracked()
        if file.suffix == ".py" and file.is_file()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"[#] noqa(?!: [A-Z]+\d+(?:, [A-Z]+\d+)* - \S)", line)
    ]
    assert found == []
