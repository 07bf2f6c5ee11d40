"""The verdicts that a step's folder holds."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from scripts.course.rules.verdicts import Evidence, Mark, Verdict, evidence

# More than any step asks for; a check ends in time in any folder.
MOST_FILES: Final = 40
MOST_BYTES: Final = 1_000_000
# What reading a file raises that is no verdict, with any content.
UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


def read(folder: Path, mark: Mark) -> Evidence:
    """Return the verdicts in a folder, none where it does not exist.

    Args:
        folder: the folder of a step's start.
        mark: the mark of that start.
    """
    contents, unread = contents_of(folder)
    return evidence_of(contents, mark, unread)


def evidence_of(contents: Mapping[str, Any], mark: Mark, unread: Sequence[str] = ()) -> Evidence:
    """Return the verdicts that some files hold.

    Args:
        contents: the JSON of each file, by its name.
        mark: the mark of the step's start.
        unread: names of files that hold none.
    """
    found, others = [], list(unread)
    for name, content in contents.items():
        try:
            started_at = int(datetime.fromisoformat(content["started_at"]).timestamp())
            found.append(Verdict.of_json(name, content, started_at))
        except UNREADABLE:
            others.append(name)
    return evidence(found, mark, others)


def contents_of(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the JSON of each file in a folder by its name, and the names of the files that are none."""
    contents, unread = {}, []
    for file in sorted(folder.glob("*"))[:MOST_FILES]:
        try:
            if file.is_file() and file.stat().st_size <= MOST_BYTES:
                contents[file.name] = json.loads(file.read_text(encoding="utf-8"))
                continue
        except (OSError, ValueError):
            pass
        unread.append(file.name)
    return contents, unread
