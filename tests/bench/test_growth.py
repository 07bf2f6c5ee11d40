"""What grows and what does not."""

import pytest

from scripts.bench.growth import mean_answers, session_cost, workers_of


def test_a_session_holds_no_more_for_more_answers() -> None:
    """Ten times the answers take the same memory, to a kibibyte."""
    (_, few), (_, many) = session_cost(1000), session_cost(10_000)
    assert many < few + 1024


@pytest.mark.parametrize("count", [1, 64])
def test_the_workers_that_are_merged_differ(count: int) -> None:
    """Every worker's answers are in the merged tally: no two reports are the same object or the same count."""
    merged = workers_of(count).merged()
    assert merged.canary == sum(300 + index for index in range(count))
    assert merged.other_total == 4 * count


def test_half_the_tolerance_takes_four_times_the_answers() -> None:
    """Exactly: from ±10 to ±5 points the mean number of answers grows about fourfold."""
    assert mean_answers(5) / mean_answers(10) == pytest.approx(4, rel=0.05)
