"""What `lab check` and `istioctl analyze` find in the documents of the corpus, each checked alone."""

import json
from collections import Counter
from pathlib import Path
from typing import Final

from scripts.lab.check.commands import FIELDS
from scripts.lab.check.rules.check import check
from scripts.lab.check.rules.documents import Source
from tests.lab import corpus
from tests.support.repository import ROOT

# The codes of istioctl by the number of the document, without those in which it finds nothing. The test that needs
# istioctl compares, and writes them again with UPDATE=1.
ISTIOCTL: Final[Path] = ROOT / "tests" / "data" / "check" / "corpus.json"

Codes = tuple[str, ...]


def by_istioctl() -> dict[int, Codes]:
    """Return the codes of what istioctl found in each document."""
    recorded: dict[str, list[str]] = json.loads(ISTIOCTL.read_text(encoding="utf-8"))
    return {number: tuple(recorded.get(str(number), ())) for number in corpus.NUMBERS}


def by_check() -> dict[int, Codes]:
    """Return the rules of what `lab check` finds in each document."""
    known = json.loads(FIELDS.read_text(encoding="utf-8"))
    found = {}
    for number in corpus.NUMBERS:
        result = check([Source(f"{number}.yaml", corpus.text(number).encode())], known)
        found[number] = tuple(sorted({one.rule for one in result.findings}))
    return found


def pairs() -> list[tuple[int, Codes, Codes]]:
    """Return how many documents each pair of answers is of, with that of `lab check` first; the most frequent first."""
    ours, theirs = by_check(), by_istioctl()
    counts = Counter((ours[number], theirs[number]) for number in corpus.NUMBERS)
    return [(count, *pair) for pair, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
