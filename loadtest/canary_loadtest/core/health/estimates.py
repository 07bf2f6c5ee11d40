"""What the counts say besides the finding: how much worse the canary may be, and how many more answers it takes."""

from collections.abc import Sequence
from dataclasses import replace
from math import log
from typing import Final

from canary_loadtest.core.expectation import MOST_ANSWERS
from canary_loadtest.core.health.counts import Compared, Counts
from canary_loadtest.core.health.gate import Gate
from canary_loadtest.core.health.rule import Health, look
from canary_loadtest.core.likelihood import log_beta
from canary_loadtest.core.search import boundary, least_number

PRIOR_ANSWERS: Final = 10.0
STEPS_PERCENT: Final = (1.0, 5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 100.0)
"""The weights that releases usually go through."""
HALVINGS: Final = 40
HALVINGS_OF_AN_END: Final = 25  # to a thousandth of a point
TINY: Final = 1e-15
"""The least rate, or rest of a rate, that is told from none."""


def answers_to_go(compared: Compared, gate: Gate) -> int | None:
    """Return about how many more answers a finding takes if they go on as they have begun.

    The counts are extrapolated from the share and the rates of errors so far, with ten answers added that have the
    configured share and errors of both versions alike, so that a first few do not mislead.

    Args:
        compared: the counts so far.
        gate: what is tested.

    Returns:
        A number of answers, 0 when the counts decide already, None where 10 million more would not.
    """
    ahead = _ahead(compared.release[-1])

    def decided_after(more: int) -> bool:
        latest = compared.release[-1]
        counts = Counts._make(
            [*(now + more * rate for now, rate in zip(latest[:-1], ahead, strict=True)), latest.share]
        )
        return look(Compared((*compared.release[:-1], counts), compared.earlier), gate) is not Health.UNDECIDED

    if decided_after(0):
        return 0
    return least_number(decided_after, lambda more: more <= MOST_ANSWERS)


def _ahead(counts: Counts) -> tuple[float, ...]:
    """Return how much each count grows by one more answer, in the order of `Counts`."""
    canary, stable = counts.canary, counts.known - counts.canary
    known = counts.known / counts.total if counts.total else 1.0
    share = (canary + PRIOR_ANSWERS * counts.share) / (counts.known + PRIOR_ANSWERS)
    common = (counts.known - counts.right) / counts.known if counts.known else 0.0
    canary_rate = (counts.canary_errors + PRIOR_ANSWERS * common) / (canary + PRIOR_ANSWERS)
    stable_rate = (counts.stable_errors + PRIOR_ANSWERS * common) / (stable + PRIOR_ANSWERS)
    of_canary, of_stable = known * share, known * (1 - share)
    return (
        of_canary * canary_rate,
        of_canary * (1 - canary_rate),
        of_stable * stable_rate,
        of_stable * (1 - stable_rate),
        1 - known,
    )


def smaller_step(compared: Compared, gate: Gate) -> tuple[float, int] | None:
    """Return the next usual weight below the one that is asked for, and about how many more answers that one takes.

    Args:
        compared: the counts so far.
        gate: what is tested.

    Returns:
        (weight in percent, answers), None where the margin is told, no smaller step is left or none is in sight.
    """
    now_percent = 100 * compared.release[-1].share
    between = [weight for weight in STEPS_PERCENT if now_percent < weight < gate.next_weight_percent]
    if gate.margin_told is not None or not between:
        return None
    to_go = answers_to_go(compared, replace(gate, next_weight_percent=between[0]))
    return None if to_go is None else (between[0], to_go)


def excess_interval_points(epochs: Sequence[Counts], alpha: float) -> tuple[float, float]:
    """Return by how many percentage points more often the canary may err, as far as the answers do not rule it out.

    An excess d is ruled out when a mixture of Beta(1/2, 1/2) over each version's rate explains the answers 2/alpha
    times better than the best two rates that are d apart: at any time with probability alpha/2 at most at either end
    (Robbins, 1970; the best rates of the hypothesis in the denominator: Wasserman, Ramdas and Balakrishnan, 2020). The
    rates are taken as constant within an epoch; the shares do not matter. The lower end takes all errors of no known
    version as stable's, the upper one as the canary's.

    Args:
        epochs: the counts of each epoch.
        alpha: the most probability that the true excess is outside.

    Returns:
        The lower and the upper end, from -100 to 100.
    """
    lower_counts = [counts._replace(stable_errors=counts.stable_errors + counts.unknown_errors) for counts in epochs]
    upper_counts = [counts._replace(canary_errors=counts.canary_errors + counts.unknown_errors) for counts in epochs]
    # The lower end is the upper one with the versions exchanged.
    lower = -_upper_end([_exchanged(counts) for counts in lower_counts], alpha)
    upper = _upper_end(upper_counts, alpha)
    return 100 * min(lower, upper), 100 * max(lower, upper)


def _exchanged(counts: Counts) -> Counts:
    canary_errors, canary_right, stable_errors, stable_right, unknown_errors, share = counts
    return Counts(stable_errors, stable_right, canary_errors, canary_right, unknown_errors, 1 - share)


def _upper_end(epochs: Sequence[Counts], alpha: float) -> float:
    """Return the least excess that, like all above it, is ruled out."""
    least = sum(_log_mixture(counts) for counts in epochs) - log(2 / alpha)

    def is_possible(excess: float) -> bool:
        return sum(_log_best(counts, excess) for counts in epochs) > least

    return boundary(is_possible, -1.0, 1.0, HALVINGS_OF_AN_END)[1]


def _log_mixture(counts: Counts) -> float:
    """Return the log likelihood of the counts, given each answer's version, under Beta(1/2, 1/2) for each rate."""
    canary = log_beta(counts.canary_errors + 0.5, counts.canary_right + 0.5)
    stable = log_beta(counts.stable_errors + 0.5, counts.stable_right + 0.5)
    return canary + stable - 2 * log_beta(0.5, 0.5)


def _log_best(counts: Counts, excess: float) -> float:
    """Return the greatest log likelihood of two rates of which the canary's exceeds stable's by `excess` or more."""
    canary, stable = counts.canary, counts.stable_errors + counts.stable_right
    rates = _rate(counts.canary_errors, canary), _rate(counts.stable_errors, stable)
    if rates[0] - rates[1] < excess:
        lowest, highest = max(0.0, -excess), min(1.0, 1 - excess)
        stable_rate = sum(boundary(lambda rate: _slope(counts, rate, excess) > 0, lowest, highest, HALVINGS)) / 2
        rates = stable_rate + excess, stable_rate
    return _log_likelihood(counts.canary_errors, counts.canary_right, rates[0]) + _log_likelihood(
        counts.stable_errors, counts.stable_right, rates[1]
    )


def _rate(errors: float, total: float) -> float:
    return errors / total if total else 0.0


def _slope(counts: Counts, stable_rate: float, excess: float) -> float:
    """Return the derivative of the log likelihood by stable's rate; it falls."""
    of_canary = _slope_of(counts.canary_errors, counts.canary_right, stable_rate + excess)
    return of_canary + _slope_of(counts.stable_errors, counts.stable_right, stable_rate)


def _slope_of(errors: float, right: float, rate: float) -> float:
    return errors / max(rate, TINY) - right / max(1 - rate, TINY)


def _log_likelihood(errors: float, right: float, rate: float) -> float:
    """Return the binomial log likelihood; what did not occur adds nothing."""
    return (errors * log(max(rate, TINY)) if errors else 0.0) + (right * log(max(1 - rate, TINY)) if right else 0.0)
