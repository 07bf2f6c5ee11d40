"""The second verdict within one measurement: which answers it takes, when it looks, and what it makes of them."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.counts import Epoch, Epochs, Sample
from canary_loadtest.core.health.estimates import answers_to_go
from canary_loadtest.core.health.finding import finding_of
from canary_loadtest.core.health.gate import Gate, gate_of, next_look
from canary_loadtest.core.health.latency import Latency
from canary_loadtest.core.health.latency_estimates import latency_to_go
from canary_loadtest.core.health.latency_finding import CLIENTS, Clock, LatencyFinding, latency_finding_of
from canary_loadtest.core.health.latency_rule import latency_evidence, look_at_latency
from canary_loadtest.core.health.rule import Health, evidence, is_not_worse, is_worse
from canary_loadtest.core.labels import VERSIONS
from canary_loadtest.core.message import Message
from canary_loadtest.core.tally import Tally

ERRORS: Final = "errors"
LATENCY: Final = "latency"


@dataclass(frozen=True)
class CanaryHealth:
    """What the errors of the two versions, and their latency where it is compared, say at one moment.

    Attributes:
        health: what the errors say: WORSE, NOT WORSE or UNDECIDED.
        gate: what was tested.
        reason: why the errors say so, in a sentence for a person.
        remarks: what else is to be known about the errors, each a sentence.
        counts: the answers by version.
        contradictions: answers of one version that named the other one as their destination.
        excess_points: by how many percentage points more often the canary may err, as far as the answers do not rule
            it out; None where they are not compared.
        worse_after: how many answers had been counted when the canary was found to be worse, None where it was not.
        latency: what the latency says; None where it is not compared.
    """

    health: Health
    gate: Gate
    reason: str
    remarks: tuple[str, ...]
    counts: Epoch
    contradictions: int
    excess_points: tuple[float, float] | None
    worse_after: int | None
    latency: LatencyFinding | None = None

    @property
    def undecided_reason(self) -> str:
        """Why the canary is not known to be fit, "" where nothing is undecided."""
        findings = (self, self.latency) if self.latency else (self,)
        return next((one.reason for one in findings if one.health is Health.UNDECIDED), "")

    @property
    def worse_reason(self) -> str:
        """Why the canary is worse, "" where it is not."""
        findings = (self, self.latency) if self.latency else (self,)
        return next((one.reason for one in findings if one.health is Health.WORSE), "")

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types, as in the verdict file."""
        samples = {"canary": self.counts.canary, "stable": self.counts.stable}
        return {
            "finding": self.health.value,
            "sentence": self.reason,
            "remarks": list(self.remarks),
            "next_weight_percent": self.gate.next_weight_percent,
            "margin_points": self.gate.margin_points,
            "excess_points": self.excess_points and list(self.excess_points),
            "counts": {
                name: {
                    "errors": sample.errors,
                    "right": sample.right,
                    "episodes": sample.episodes if sample.in_order else None,
                }
                for name, sample in samples.items()
            }
            | {"unknown_errors": self.counts.unknown.errors, "contradictions": self.contradictions},
            "worse_after": self.worse_after,
            "latency": self.latency and self.latency.to_dict(),
        }


class Comparison:
    """Counts errors, right and slow answers of both versions in the order of their requests; looks at them at times.

    Attributes:
        gate: what the canary must pass; None where it is not compared.
        epochs: the counts of errors and right answers, those of a load test in one epoch.
        latency: the counts of slow answers; None where latency is not compared.
        worse: the counts at which the canary was found to err more often, None where it was not.
        slower: the counts at which it was found to be slower, None where it was not.
        latency_objection: returns what stands against any finding on the latency at this moment, "" for nothing.
        clock: where the times of the answers were measured.
    """

    def __init__(self, expectation: Expectation, before: Sequence[Epoch] = (), clock: Clock = CLIENTS) -> None:
        """Begin without an answer, after the epochs of earlier steps."""
        self.clock = clock
        self.gate = gate_of(expectation)
        self.epochs = Epochs(expectation.canary_percent, before)
        self.latency: Latency | None = None
        if self.gate is not None and expectation.slowness is not None:
            self.latency = Latency(expectation.canary_percent, expectation.slowness)
        self.worse: Epochs | None = None
        self.slower: Latency | None = None
        self.latency_objection: Callable[[], str] = str
        self._contradictions = 0
        self._total = 0
        self._next_look = 1
        self._worse_after: int | None = None

    def go_on_with(self, total: int, epochs: Sequence[Epoch], latency: Latency | None) -> None:
        """Go on after the epochs of earlier steps of a release, before the first answer.

        Args:
            total: how many answers were counted at this weight.
            epochs: the counts of earlier runs, oldest first.
            latency: their slow answers.
        """
        self._total = total
        percent = self.epochs.all[-1].canary_percent
        self.epochs = Epochs(percent, epochs)
        if self.latency is not None and latency is not None:
            self.latency = latency
            self.latency.begin(percent)

    def end_here(self) -> None:
        """Take away the epoch that `go_on_with` began, where the one before it has this weight: nothing follows."""
        for epochs in (self.epochs.all, self.latency.all if self.latency is not None else []):
            if len(epochs) > 1 and epochs[-2].canary_percent == epochs[-1].canary_percent:
                epochs.pop()

    def stop_again(self, finding: str) -> None:
        """Find the canary worse by what was found before an interruption: one of `ERRORS` and `LATENCY`."""
        self._worse_after = self._total
        if finding == ERRORS:
            self.worse = deepcopy(self.epochs)
        else:
            self.slower = deepcopy(self.latency)

    @property
    def stopped_by(self) -> str:
        """What the canary was found worse by, "" where it was not."""
        if self.worse is not None:
            return ERRORS
        return LATENCY if self.slower is not None else ""

    def add(self, answer: Answer) -> None:
        """Count the next answer in order, as the tally has counted it."""
        self._total += 1
        if self.gate is not None:
            self._contradictions += answer.contradicts
            self.epochs.add(answer)
        is_error = answer.label not in VERSIONS or answer.contradicts
        if self.latency is not None and (is_error or answer.seconds is not None):
            self.latency.add(
                "" if answer.contradicts else answer.version,
                answer.seconds or 0.0,
                is_error=is_error,
                scheduled_seconds=answer.scheduled_seconds,
            )

    def add_counts(self, tally: Tally) -> None:
        """Count answers whose order is not known."""
        latest = self.epochs.all[-1]
        latest.canary += _without_order(tally.canary_errors, tally.canary)
        latest.stable += _without_order(tally.stable_errors, tally.stable)
        latest.unknown += _without_order(tally.unknown, tally.canary + tally.stable)
        self._total += tally.total

    def add_unordered(self, errors: int) -> None:
        """Count errors of no known version whose place among the others is not known."""
        self.epochs.all[-1].unknown += _without_order(errors, 0)
        if self.latency is not None:
            self.latency.add_unordered(errors)
        self._total += errors

    @property
    def due(self) -> bool:
        """Whether there are enough more answers since the last look for another one."""
        return self.gate is not None and self._total >= self._next_look

    def look(self) -> bool:
        """Return whether the canary is worse, now or at an earlier look."""
        self._next_look = next_look(self._total)
        compared = self.epochs.compared
        if self.worse is None and self.gate and compared and is_worse(compared, self.gate):
            self.worse = deepcopy(self.epochs)
        if self.slower is None and self._latency_health() is Health.WORSE:
            self.slower = deepcopy(self.latency)
        if self.is_worse and self._worse_after is None:
            self._worse_after = self._total
        return self.is_worse

    @property
    def is_worse(self) -> bool:
        """Whether the canary was found to be worse at any look."""
        return self.worse is not None or self.slower is not None

    def _latency_health(self) -> Health:
        """Return what the latency says now; NOT WORSE where it is not asked for."""
        if self.latency is None or self.gate is None:
            return Health.NOT_WORSE
        compared = self.latency.compared
        if compared is None or self.latency_objection():
            return Health.UNDECIDED
        return look_at_latency(compared, self.gate)

    def passes(self) -> bool:
        """Return whether nothing of the canary's stands against a go-ahead now: it is not compared, or not worse."""
        if self.gate is None:
            return True
        compared = self.epochs.compared
        no_more_errors = compared is not None and is_not_worse(compared, self.gate)
        return not self.is_worse and no_more_errors and self._latency_health() is Health.NOT_WORSE

    def evidence(self) -> tuple[float, float] | None:
        """Return the evidence for NOT WORSE and for WORSE, as `rule.evidence` does; None where nothing is compared.

        With latency, both must not be worse, and one that is worse suffices.
        """
        compared = self.epochs.compared
        if self.gate is None or compared is None:
            return None
        not_worse, worse = evidence(compared, self.gate)
        times = self.latency and self.latency.compared
        if not times:
            return not_worse, worse
        not_slower, slower = latency_evidence(times, self.gate)
        return min(not_worse, not_slower), max(worse, slower)

    def to_go(self) -> int | None:
        """Return about how many more answers a finding takes, 0 where nothing is compared, None for none in sight."""
        compared = self.epochs.compared
        if self.gate is None or compared is None:
            return 0
        errors = answers_to_go(compared, self.gate)
        times = 0 if self.latency is None else latency_to_go(self.latency, self.gate)
        return None if errors is None or times is None else max(errors, times)

    def health(self, objection: str = "") -> CanaryHealth | None:
        """Return what is known of the canary's errors, None where the versions are not compared.

        Args:
            objection: why nothing can be found, "" where something can.
        """
        if self.gate is None:
            return None
        counts = deepcopy(self.epochs.all[-1])
        finding = None if objection else finding_of(self.worse or self.epochs, self.gate)
        if finding is None:
            return CanaryHealth(
                Health.UNDECIDED,
                self.gate,
                objection,
                self._contradicting,
                counts,
                self._contradictions,
                None,
                None,
                self._latency_finding(objection),
            )
        return CanaryHealth(
            finding.health,
            self.gate,
            finding.reason,
            (*self._contradicting, *finding.remarks),
            counts,
            self._contradictions,
            finding.excess_points,
            self._worse_after,
            self._latency_finding(),
        )

    def _latency_finding(self, objection: str = "") -> LatencyFinding | None:
        """Return what is known of the latency, None where it is not compared."""
        if self.latency is None or self.gate is None:
            return None
        if self.slower is not None and not objection:
            return latency_finding_of(self.slower, self.gate, clock=self.clock)
        return latency_finding_of(self.latency, self.gate, objection or self.latency_objection(), self.clock)

    @property
    def _contradicting(self) -> tuple[str, ...]:
        count = self._contradictions
        remark = Message(
            "{count} answer{_s} of one version {_name} the other one as destination: counted as errors of no known "
            "version",
            count=count,
            _s="" if count == 1 else "s",
            _name="names" if count == 1 else "name",
        )
        return (remark,) if count else ()


def _without_order(errors: int, right: int) -> Sample:
    """Return counts of which no one knows the order."""
    return Sample(errors, right, errors, in_order=not errors)
