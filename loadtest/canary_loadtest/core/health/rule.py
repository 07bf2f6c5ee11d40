"""What the counts prove about the canary's errors at one look."""

from enum import StrEnum
from math import log

from canary_loadtest.core.health.counts import Compared
from canary_loadtest.core.health.evidence import not_worse_log_evidence, worse_log_evidence
from canary_loadtest.core.health.gate import FEWEST_RIGHT, Gate


class Health(StrEnum):
    """What the counts prove about the canary."""

    WORSE = "WORSE"
    NOT_WORSE = "NOT WORSE"
    UNDECIDED = "UNDECIDED"


def look(compared: Compared, gate: Gate) -> Health:
    """Return what these counts prove.

    WORSE is evidence of the whole release and overrules: its error rate holds at any time. NOT WORSE is asked again at
    each weight and speaks of the answers so far.
    """
    if is_worse(compared, gate):
        return Health.WORSE
    return Health.NOT_WORSE if is_not_worse(compared, gate) else Health.UNDECIDED


def is_worse(compared: Compared, gate: Gate) -> bool:
    """Return whether the counts prove that the canary errs more often than stable."""
    return worse_log_evidence(compared.release) >= -log(gate.alpha_stop)


def is_not_worse(compared: Compared, gate: Gate) -> bool:
    """Return whether they prove that it errs less than the margin more often, with half of the answers right."""
    if not can_be_compared(compared) or mostly_errors(compared):
        return False
    return not_worse_log_evidence(compared.at_this_weight, gate.margin) >= -log(gate.alpha)


def can_be_compared(compared: Compared) -> bool:
    """Return whether both versions have answered at this weight."""
    canary = sum(counts.canary for counts in compared.at_this_weight)
    return 0 < canary < sum(counts.known for counts in compared.at_this_weight)


def mostly_errors(compared: Compared) -> bool:
    """Return whether fewer than half of the answers at this weight are right, which is no reason to go on."""
    right = sum(counts.right for counts in compared.at_this_weight)
    return right < FEWEST_RIGHT * sum(counts.total for counts in compared.at_this_weight)


def evidence(compared: Compared, gate: Gate) -> tuple[float, float]:
    """Return the evidence for NOT WORSE and for WORSE, each as a fraction of what it takes, from -1 to 2."""
    not_worse = not_worse_log_evidence(compared.at_this_weight, gate.margin) / -log(gate.alpha)
    worse = worse_log_evidence(compared.release) / -log(gate.alpha_stop)
    return max(-1.0, min(not_worse, 2.0)), max(-1.0, min(worse, 2.0))
