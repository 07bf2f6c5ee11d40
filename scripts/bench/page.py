"""The Markdown of docs/benchmarks.md. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

INTRODUCTION: Final = """\
Written by `make bench`; do not edit. Comparisons are interleaved: each side is measured in turn, eleven times, and the
median is shown. A ratio is taken within each round, and the median of the ratios is shown: it holds on a busy machine
too.

**Compare ratios and counts, not absolute figures:** requests per second depend on the processor and on what else runs
on the machine. On a shared machine the CPU time per request is the better figure. To measure one part only:
`python -m scripts.bench --only service`."""


@dataclass(frozen=True)
class Table:
    """A table of figures.

    Attributes:
        columns: the headings; the first column has the names of the rows.
        rows: the cells of each row, as many as there are columns.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the table as Markdown, aligned so that it can be read as text.

        Raises:
            ValueError: a row has more or fewer cells than there are columns.
        """
        widths = [max(3, *map(len, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
        lines = []
        for cells in (self.columns, rule, *self.rows):
            first, *others = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
            lines.append(" | ".join([cells[0].ljust(len(first)), *others]))
        return "\n".join(f"| {line} |" for line in lines)


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title: the heading.
        method: how it was measured, as a paragraph.
        tables: what was measured.
        note: the aim, or another paragraph below the tables; may be empty.
    """

    title: str
    method: str
    tables: Sequence[Table]
    note: str = ""

    def markdown(self) -> str:
        """Return the section as Markdown, without a newline at the end."""
        paragraphs = [f"## {self.title}", self.method, *(table.markdown() for table in self.tables), self.note]
        return "\n\n".join(filter(None, paragraphs))


def page(machine: Sequence[tuple[str, str]], sections: Sequence[Section]) -> str:
    """Return the whole page as Markdown.

    Args:
        machine: what was measured on, as (name, value).
        sections: what was measured.
    """
    described = "\n".join(f"- {name}: {value}" for name, value in machine)
    return "\n\n".join(["# Benchmarks", INTRODUCTION, described, *(one.markdown() for one in sections)]) + "\n"


def number(value: float) -> str:
    """Return a whole number as it is, and any other figure with three digits: 12,345 or 67.8 or 0.912."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
