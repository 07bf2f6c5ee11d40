"""About how many more answers a finding on the canary's latency takes."""

from math import ceil
from typing import Final

from canary_loadtest.core.expectation import MOST_ANSWERS
from canary_loadtest.core.health.gate import Gate
from canary_loadtest.core.health.latency import Latency
from canary_loadtest.core.health.latency_rule import look_at_latency
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.health.times import ComparedTimes, TimeCounts
from canary_loadtest.core.search import least_number
from canary_loadtest.core.slowness import DEFAULT_PERCENTILE

PRIOR_ANSWERS: Final = 50.0
PRIOR_BEYOND: Final = 0.5
"""Which part of slow answers exceeds X t: of lognormal times, at the 95th percentile and 1.2 times, it is 0.44 where
the standard deviation of their logarithm is 0.5, and 0.68 where it is 1."""


def latency_to_go(latency: Latency, gate: Gate) -> int | None:
    """Return about how many more answers a finding takes if they go on as they have begun.

    As `estimates.answers_to_go`: the counts are extrapolated, here with fifty answers added that have the configured
    share and slow answers of both versions alike. Where the threshold is not known yet, the answers that it takes are
    added.

    Args:
        latency: what was counted so far.
        gate: the two probabilities that are tested with.

    Returns:
        A number of answers, 0 when the counts decide already, None where 10 million more would not, and at a weight of
        0 or 100 %.
    """
    compared = latency.compared
    if compared is None:
        return None
    latest = compared.release[-1]
    ahead = _ahead(latest, slow=1 - _percentile(latency) / 100)

    def decided_after(more: int) -> bool:
        counts = TimeCounts._make(
            [*(now + more * rate for now, rate in zip(latest[:-1], ahead, strict=True)), latest.share]
        )
        later = ComparedTimes((*compared.release[:-1], counts), compared.earlier)
        return look_at_latency(later, gate) is not Health.UNDECIDED

    if decided_after(0):
        return 0
    more = least_number(decided_after, lambda number: number <= MOST_ANSWERS)
    return None if more is None else more + ceil(latency.missing_answers / (1 - latest.share))


def _percentile(latency: Latency) -> float:
    """Return which percentile of stable's times the threshold is, by default where it is told."""
    return latency.slowness.percentile if latency.slowness.milliseconds is None else DEFAULT_PERCENTILE


def _ahead(counts: TimeCounts, slow: float) -> tuple[float, ...]:
    """Return how much each count grows by one more answer, in the order of `TimeCounts`.

    Args:
        counts: those so far.
        slow: which part of the answers is taken to be slow before there are any.
    """
    known = counts.canary + counts.stable
    known_part = known / counts.total if counts.total else 1.0
    share = (counts.canary + PRIOR_ANSWERS * counts.share) / (known + PRIOR_ANSWERS)
    common = (counts.canary_above + counts.stable_above + PRIOR_ANSWERS * slow) / (known + PRIOR_ANSWERS)
    of_canary, of_stable = known_part * share, known_part * (1 - share)
    return (
        of_canary * _rate(counts.canary_above, counts.canary, common),
        of_canary * _rate(counts.canary_beyond, counts.canary, PRIOR_BEYOND * common),
        of_canary,
        of_stable * _rate(counts.stable_above, counts.stable, common),
        of_stable,
        1 - known_part,
    )


def _rate(slow: float, total: float, prior: float) -> float:
    return (slow + PRIOR_ANSWERS * prior) / (total + PRIOR_ANSWERS)
