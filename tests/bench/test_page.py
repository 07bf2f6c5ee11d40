"""The Markdown that the benchmark writes."""

import pytest

from scripts.bench.page import Section, Table, number, page, updated

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


@pytest.mark.parametrize("title", ["The part", "The other", "The last"])
def test_a_section_takes_the_place_of_its_older_self(title: str) -> None:
    """One section is replaced, the first and the last of the measured ones too, and all else stays to the letter."""
    titles = ["The part", "The other", "The last"]

    def whole(new: str) -> str:
        sections = [Section(name, "New." if name == new else "Old.", [TABLE], ["A note."]) for name in titles]
        return page("Read this.", [("CPU", "a good one")], sections, "## The end")

    assert updated(whole(""), Section(title, "New.", [TABLE], ["A note."])) == whole(title)


def test_a_new_section_comes_before_the_end() -> None:
    """What the page has no section of is added where a whole run would write it: behind the last one measured."""
    old, new = Section("The part", "How.", [TABLE]), Section("The new part", "How.", [TABLE])
    before, after = (page("", [], sections, "## The end") for sections in ([old], [old, new]))
    assert updated(before, new) == after


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (12345, "12,345"), (12345.6, "12,346"), (100.0, "100"), (67.84, "67.8"), (1, "1")]
)
def test_a_figure_has_no_more_digits_than_it_is_worth(value: float, text: str) -> None:
    """Counts are exact; measured values have three digits or thousands set apart."""
    assert number(value) == text
