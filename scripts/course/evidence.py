"""The verdicts that a step's folder holds."""

import json
from datetime import datetime
from pathlib import Path
from typing import Final

from scripts.course.rules.verdicts import Evidence, Mark, Verdict, evidence

# More than any step asks for; a check ends in time in any folder.
MOST_FILES: Final = 40
MOST_BYTES: Final = 1_000_000


def read(folder: Path, mark: Mark) -> Evidence:
    """Return the verdicts in a folder, none where it does not exist.

    Args:
        folder: the folder of a step's start.
        mark: the mark of that start.
    """
    found, unread = [], []
    for file in sorted(folder.glob("*"))[:MOST_FILES]:
        try:
            found.append(_verdict(file))
        except (OSError, ValueError, KeyError, TypeError):
            unread.append(file.name)
    return evidence(found, mark, unread)


def _verdict(file: Path) -> Verdict:
    if not file.is_file() or file.stat().st_size > MOST_BYTES:
        raise ValueError(file.name)
    content = json.loads(file.read_text(encoding="utf-8"))
    started_at = int(datetime.fromisoformat(content["started_at"]).timestamp())
    return Verdict.of_json(file.name, content, started_at)
