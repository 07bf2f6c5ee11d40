"""What the counts of slow answers prove at one look: the evidence from errors, taken twice.

WORSE: W(A1, A0 + U, s), the evidence that an answer above the threshold t is the canary's more often than its share s.
NOT WORSE: W(A0, B1 + U, 1 - s), the evidence that stable exceeds t more often than the canary exceeds X t. W is
`worse_log_evidence`. It falls in the share, and takes the larger one of the configured and the observed share: of the
canary for WORSE, of stable for NOT WORSE. So a share that is configured wrongly proves neither.
"""

from collections.abc import Sequence
from math import log

from canary_loadtest.core.health.counts import Counts
from canary_loadtest.core.health.evidence import worse_log_evidence
from canary_loadtest.core.health.gate import Gate
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.health.times import ComparedTimes, TimeCounts


def slower_log_evidence(epochs: Sequence[TimeCounts]) -> float:
    """Return the log evidence that the canary exceeds t more often; the null hypothesis is that it does not.

    Args:
        epochs: the counts of each epoch of the release, each with a configured share between 0 and 1.

    Returns:
        The natural logarithm; the canary is WORSE at -log(alpha_stop). 0 where there is no answer.
    """
    return worse_log_evidence([counts.above for counts in epochs])


def far_slower_log_evidence(epochs: Sequence[TimeCounts]) -> float:
    """Return the log evidence that the canary exceeds X t more often than stable exceeds t.

    Args:
        epochs: as for `slower_log_evidence`.

    Returns:
        The natural logarithm; a canary that is WORSE is so by more than X times at -log(alpha).
    """
    return worse_log_evidence([counts.beyond for counts in epochs])


def not_slower_log_evidence(epochs: Sequence[TimeCounts]) -> float:
    """Return the log evidence that stable exceeds t more often than the canary exceeds X t.

    The null hypothesis is that the canary takes X times as long or more: it exceeds X t at least as often.

    Args:
        epochs: the counts of each epoch since the weight changed, each with a configured share between 0 and 1.

    Returns:
        The natural logarithm; the canary is NOT WORSE at -log(alpha).
    """
    return worse_log_evidence([_exchanged(counts.beyond) for counts in epochs])


def _exchanged(counts: Counts) -> Counts:
    """Return the counts with stable in the canary's place."""
    return Counts(
        counts.stable_errors,
        counts.stable_right,
        counts.canary_errors,
        counts.canary_right,
        counts.unknown_errors,
        1 - counts.share,
    )


def look_at_latency(compared: ComparedTimes, gate: Gate) -> Health:
    """Return what these counts prove; of the gate only its two probabilities matter.

    WORSE is evidence of the whole release and overrules. NOT WORSE is asked again at each weight. That enough answers
    are right is asked where errors are compared.
    """
    if slower_log_evidence(compared.release) >= -log(gate.alpha_stop):
        return Health.WORSE
    if not both_answered(compared):
        return Health.UNDECIDED
    passes = not_slower_log_evidence(compared.at_this_weight) >= -log(gate.alpha)
    return Health.NOT_WORSE if passes else Health.UNDECIDED


def both_answered(compared: ComparedTimes) -> bool:
    """Return whether both versions have answered at this weight since the threshold was known."""
    canary = sum(counts.canary for counts in compared.at_this_weight)
    return canary > 0 and sum(counts.stable for counts in compared.at_this_weight) > 0


def latency_evidence(compared: ComparedTimes, gate: Gate) -> tuple[float, float]:
    """Return the evidence for NOT WORSE and for WORSE, each as a fraction of what it takes, from -1 to 2."""
    not_worse = not_slower_log_evidence(compared.at_this_weight) / -log(gate.alpha)
    worse = slower_log_evidence(compared.release) / -log(gate.alpha_stop)
    return max(-1.0, min(not_worse, 2.0)), max(-1.0, min(worse, 2.0))
