"""The steps in their order, as docs/workshop/course.toml lists them."""

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from scripts import REPOSITORY

WORKSHOP: Final = REPOSITORY / "docs" / "workshop"
NEEDS: Final = ("lab", "cluster", "mesh")


@dataclass(frozen=True)
class Step:
    """A step of the course.

    Attributes:
        number: its place, from 1.
        folder: its folder below docs/workshop/steps/.
        title: what it is called.
        minutes: how long it takes.
        needs: `lab`, `cluster` or `mesh`.
        suffix: that of its text, by the language.
    """

    number: int
    folder: str
    title: str
    minutes: int
    needs: str
    suffix: str = ".md"

    @property
    def name(self) -> str:
        """Its name in the progress file, and that of its module."""
        return self.folder.partition("-")[2].replace("-", "_")

    @property
    def place(self) -> str:
        """Where it takes place: `lab`, or `cluster`, which a mesh is in, too."""
        return "lab" if self.needs == "lab" else "cluster"

    @property
    def text(self) -> Path:
        """Its text."""
        return (WORKSHOP / "steps" / self.folder / "text.md").with_suffix(self.suffix)

    @property
    def goal(self) -> str:
        """The first paragraph of its text below the line of languages, on one line and without Markdown's stars."""
        return _found(r"\*\*(?:Goal:|目标：)\*\*(.+?)\n\n", self.text)

    @property
    def in_chinese(self) -> "Step":
        """The step as its translation calls it."""
        text = self.text.with_suffix(".zh-CN.md")
        return replace(self, title=_found(r"# 第 \d+ 步：(.+?)\n", text), suffix=".zh-CN.md")


def steps() -> list[Step]:
    """Return the steps in their order."""
    listed = tomllib.loads((WORKSHOP / "course.toml").read_text(encoding="utf-8"))["step"]
    return [Step(number, **one) for number, one in enumerate(listed, 1)]


def _found(pattern: str, file: Path) -> str:
    """Return what the group of a pattern has in a file, on one line."""
    (found,) = re.findall(pattern, file.read_text(encoding="utf-8"), re.DOTALL)
    return " ".join(found.split())
