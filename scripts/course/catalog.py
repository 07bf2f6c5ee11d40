"""The steps in their order, as docs/workshop/course.toml lists them."""

import tomllib
from dataclasses import dataclass
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
    """

    number: int
    folder: str
    title: str
    minutes: int
    needs: str

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
        """Its text in English."""
        return WORKSHOP / "steps" / self.folder / "text.md"

    @property
    def goal(self) -> str:
        """The first paragraph of its text below the line of languages, on one line and without Markdown's stars."""
        paragraphs = self.text.read_text(encoding="utf-8").split("\n\n")
        goal = next(one for one in paragraphs if one.startswith("**Goal:**"))
        return " ".join(goal.removeprefix("**Goal:**").split())


def steps() -> list[Step]:
    """Return the steps in their order."""
    listed = tomllib.loads((WORKSHOP / "course.toml").read_text(encoding="utf-8"))["step"]
    return [Step(number, **one) for number, one in enumerate(listed, 1)]
