"""The arithmetic of interleaved rounds."""

import pytest

from scripts.bench.rounds import (
    Sample,
    interleaved,
    median_cpu_microseconds,
    median_per_second,
    percentile,
    speed_ratio,
    thrift_ratio,
)

FAST = [Sample(200, 1.0, 0.1), Sample(600, 2.0, 0.6), Sample(100, 1.0, 0.2)]
SLOW = [Sample(100, 1.0, 0.1), Sample(200, 2.0, 0.4), Sample(100, 1.0, 0.1)]


def test_the_sides_take_turns() -> None:
    """Every round measures each side once, in the order given."""
    turns = []

    def side(name: str) -> Sample:
        turns.append(name)
        return Sample(len(turns), 1.0, 1.0)

    samples = interleaved({"a": lambda: side("a"), "b": lambda: side("b")}, 3)
    assert turns == ["a", "b"] * 3
    assert [sample.requests for sample in samples["b"]] == [2, 4, 6]


def test_a_side_is_shown_by_its_medians() -> None:
    """Requests per second and CPU time are the medians of the rounds, each divided within its round."""
    assert median_per_second(FAST) == 200
    assert median_cpu_microseconds(FAST) == pytest.approx(1000)


def test_ratios_are_taken_within_each_round() -> None:
    """The rounds are 2, 3 and 1 times as fast, so 2; they take 1/2, 1/2 and 2 times the CPU time, so 2 per second."""
    assert speed_ratio(FAST, SLOW) == 2
    assert thrift_ratio(FAST, SLOW) == pytest.approx(2)


def test_sides_of_unequal_length_are_no_rounds() -> None:
    """A ratio of sides that were not measured equally often is refused."""
    with pytest.raises(ValueError, match="shorter"):
        speed_ratio(FAST, SLOW[:2])


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_a_percentile_is_a_value_that_occurred(percent: float, expected: int) -> None:
    """The nearest rank: the least value that so many percent do not exceed, whatever the order."""
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_a_percentile_of_nothing_is_refused() -> None:
    """Without a value the message says what to do."""
    with pytest.raises(ValueError, match="measure at least once"):
        percentile([], 50)
