"""The Markdown that the benchmark writes."""

import pytest

from scripts.bench.page import Section, Table, number, page

TABLE = Table(("side", "requests/s"), [("a", "12,345"), ("longer", "1")])
MARKDOWN = """\
| side   | requests/s |
| :----- | ---------: |
| a      |     12,345 |
| longer |          1 |"""


def test_a_table_is_aligned() -> None:
    """Names stand on the left, figures on the right, and each column is as wide as its widest cell."""
    assert TABLE.markdown() == MARKDOWN


def test_a_row_of_another_length_is_refused() -> None:
    """A cell too few is a mistake in the program, and is named."""
    with pytest.raises(ValueError, match=r"1 cells under 2 columns: \('a',\)"):
        Table(("side", "requests/s"), [("a",)]).markdown()


def test_a_page_has_everything_in_order() -> None:
    """Heading, introduction, machine, sections with method, tables and notes, and the end, a blank line between."""
    section = Section("The part", "How.", [TABLE], ["What it means."])
    expected = f"""\
# Benchmarks

Read this.

- CPU: a good one

## The part

How.

{MARKDOWN}

What it means.

## The end
"""
    assert page("\nRead this.\n", [("CPU", "a good one")], [section], "\n## The end\n") == expected


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (12345, "12,345"), (12345.6, "12,346"), (100.0, "100"), (67.84, "67.8"), (1, "1")]
)
def test_a_figure_has_no_more_digits_than_it_is_worth(value: float, text: str) -> None:
    """Counts are exact; measured values have three digits or thousands set apart."""
    assert number(value) == text
