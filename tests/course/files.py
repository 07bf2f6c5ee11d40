"""Which files under docs/workshop/steps the course names."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

TEXTS: Final = ("text.md", "text.zh-CN.md")


def problems(steps: Path, folders: Collection[str]) -> list[str]:
    """Return what is there and is not named, or named and not there.

    Args:
        steps: the folder of all steps.
        folders: the folders that course.toml names.
    """
    wanted = {Path(folder) / text for folder in folders for text in TEXTS}
    there = {file.relative_to(steps) for file in steps.rglob("*") if file.is_file()}
    return sorted([f"{file}: course.toml does not name it" for file in there - wanted]) + sorted(
        f"{file}: it is missing" for file in wanted - there
    )
