"""The Markdown and the arithmetic of the benchmark's page."""

import pytest

from scripts.bench.page import Section, Table, number, page
from scripts.bench.rounds import Sample, cells, interleaved

FAST = [Sample(200, 1.0, 0.1), Sample(600, 2.0, 0.6), Sample(100, 1.0, 0.2)]
SLOW = [Sample(100, 1.0, 0.1), Sample(200, 2.0, 0.4), Sample(100, 1.0, 0.1)]
SECTION = """\
## The part

How.

| side   | requests/s |
| :----- | ---------: |
| a      |     12,345 |
| longer |          1 |

What it means.
"""


def test_a_page_has_the_machine_and_the_sections() -> None:
    """Each part stands between blank lines; names are aligned to the left and figures to the right."""
    table = Table(("side", "requests/s"), [("a", "12,345"), ("longer", "1")])
    text = page([("CPU", "a good one")], [Section("The part", "How.", [table], "What it means.")])
    assert text.startswith("# Benchmarks\n\nWritten by `make bench`")
    assert text.endswith(f"\n\n- CPU: a good one\n\n{SECTION}")


def test_a_row_of_another_length_is_refused() -> None:
    """A missing cell is a mistake in the program."""
    with pytest.raises(ValueError, match="shorter"):
        Table(("side", "requests/s"), [("a",)]).markdown()


@pytest.mark.parametrize(("value", "text"), [(3, "3"), (12345.6, "12,346"), (67.84, "67.8"), (0.91, "0.910")])
def test_a_figure_has_three_digits(value: float, text: str) -> None:
    """Counts are exact; measured values have three digits, or commas between thousands."""
    assert number(value) == text


def test_the_sides_take_turns() -> None:
    """Every round measures each side once, in the order given."""
    turns: list[str] = []

    def side(name: str) -> Sample:
        turns.append(name)
        return Sample(len(turns), 1.0, 1.0)

    samples = interleaved({"a": lambda: side("a"), "b": lambda: side("b")}, 3)
    assert turns == ["a", "b"] * 3
    assert [sample.requests for sample in samples["b"]] == [2, 4, 6]


def test_ratios_are_taken_within_each_round() -> None:
    """Speeds are 2, 3 and 1 times the base's, so 2; requests per CPU second are 2, 2 and 0.5 times, so 2."""
    assert cells(FAST, SLOW) == ["200", number(1000.0), "2.000", "2.000"]
