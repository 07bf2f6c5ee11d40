"""What is known of a measurement at one moment, for a reader who must not change it."""

from dataclasses import dataclass

from canary_loadtest.core.verdict import Verdict


@dataclass(frozen=True)
class Reading:
    """What is known of a measurement at one moment.

    Attributes:
        verdict: the result so far.
        split_evidence: see `Session.evidence`.
        health_evidence: see `Session.canary_evidence`.
        to_go: about how many more answers a verdict takes, None where none is in sight.
        ended: whether the verdict is the one at the end of the run.
    """

    verdict: Verdict
    split_evidence: tuple[float, float] | None
    health_evidence: tuple[float, float] | None
    to_go: int | None
    ended: bool
