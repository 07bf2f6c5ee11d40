"""The page that the benchmark writes: sections of prose and tables, as Markdown.

Pure. Each measuring module returns a `Section`; `__main__` prints it at once and writes all of them at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table with text on the left and figures on the right.

    Attributes:
        columns: the headings; the first one is of the row names.
        rows: as many cells as there are columns in each.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the table as Markdown, its columns aligned so that it reads well as text too.

        Raises:
            ValueError: a row has another number of cells than there are columns.
        """
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells under {len(self.columns)} columns: {row}")
        lines = [self.columns, *self.rows]
        widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(self.columns))]
        rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
        return "\n".join(_row(line, widths) for line in [lines[0], rule, *lines[1:]])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return f"| {' | '.join(padded)} |"


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title: its heading.
        method: how it was measured, in a paragraph.
        tables: what was measured.
        notes: what to make of it, a paragraph each.
    """

    title: str
    method: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """Return the section as Markdown, without a newline at its end."""
        return "\n\n".join([f"## {self.title}", self.method, *(table.markdown() for table in self.tables), *self.notes])


def page(introduction: str, machine: Sequence[tuple[str, str]], sections: Sequence[Section], conclusion: str) -> str:
    """Return the whole page as Markdown.

    Args:
        introduction: what stands before the first section.
        machine: what the figures were taken on, as (name, value).
        sections: what was measured.
        conclusion: a last section, with its heading.
    """
    parts = ["# Benchmarks", introduction.strip(), listing(machine), *(section.markdown() for section in sections)]
    return "\n\n".join([*parts, conclusion.strip()]) + "\n"


def updated(text: str, section: Section) -> str:
    """Return a page with one section measured anew; a section that it does not have yet comes before its last one.

    Args:
        text: the page as it was written before.
        section: what takes the place of the section with its title.
    """
    head, *others = text.split("\n## ")
    titles = [other.partition("\n")[0] for other in others]
    place = titles.index(section.title) if section.title in titles else len(others) - 1
    rest = others[place + 1 :] if section.title in titles else others[place:]
    return "\n## ".join([head, *others[:place], section.markdown().removeprefix("## ") + "\n", *rest])


def listing(items: Sequence[tuple[str, str]]) -> str:
    """Return (name, value) pairs as a Markdown list."""
    return "\n".join(f"- {name}: {value}" for name, value in items)


def number(value: float) -> str:
    """Return a figure with three digits at least, 12,345 or 67.8 or 0.912, and a whole number as it is."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
