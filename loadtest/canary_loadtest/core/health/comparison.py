"""The second verdict within one measurement: which answers it takes, when it looks, and what it makes of them."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.counts import Epoch, Epochs, Sample
from canary_loadtest.core.health.estimates import answers_to_go
from canary_loadtest.core.health.finding import finding_of
from canary_loadtest.core.health.gate import Gate, gate_of, next_look
from canary_loadtest.core.health.rule import Health, evidence, is_not_worse, is_worse
from canary_loadtest.core.tally import Tally


@dataclass(frozen=True)
class CanaryHealth:
    """What the errors of the two versions say at one moment.

    Attributes:
        health: WORSE, NOT WORSE or UNDECIDED.
        gate: what was tested.
        reason: why, in a sentence for a person.
        remarks: what else is to be known, each a sentence.
        counts: the answers by version.
        contradictions: answers of one version that named the other one as their destination.
        excess_points: by how many percentage points more often the canary may err, as far as the answers do not rule
            it out; None where they are not compared.
        worse_after: how many answers had been counted when the canary was found to be worse, None where it was not.
    """

    health: Health
    gate: Gate
    reason: str
    remarks: tuple[str, ...]
    counts: Epoch
    contradictions: int
    excess_points: tuple[float, float] | None
    worse_after: int | None

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
        }


class Comparison:
    """Counts errors and right answers of both versions in the order of their requests, and looks at them now and then.

    Attributes:
        gate: what the canary must pass; None where it is not compared.
        epochs: the counts, those of a load test in one epoch.
        worse: the counts at which the canary was found to be worse, None where it was not.
    """

    def __init__(self, expectation: Expectation, before: Sequence[Epoch] = ()) -> None:
        """Begin without an answer, after the epochs of earlier steps."""
        self.gate = gate_of(expectation)
        self.epochs = Epochs(expectation.canary_percent, before)
        self.worse: Epochs | None = None
        self._contradictions = 0
        self._total = 0
        self._next_look = 1
        self._worse_after: int | None = None

    def add(self, answer: Answer) -> None:
        """Count the next answer in order, as the tally has counted it."""
        self._total += 1
        if self.gate is not None:
            self._contradictions += answer.contradicts
            self.epochs.add(answer)

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
            self.worse, self._worse_after = deepcopy(self.epochs), self._total
        return self.worse is not None

    def passes(self) -> bool:
        """Return whether nothing of the canary's stands against a go-ahead now: it is not compared, or not worse."""
        if self.gate is None:
            return True
        compared = self.epochs.compared
        return self.worse is None and compared is not None and is_not_worse(compared, self.gate)

    def evidence(self) -> tuple[float, float] | None:
        """Return the evidence for NOT WORSE and for WORSE, as `rule.evidence` does; None where nothing is compared."""
        compared = self.epochs.compared
        return None if self.gate is None or compared is None else evidence(compared, self.gate)

    def to_go(self) -> int | None:
        """Return about how many more answers a finding takes, 0 where nothing is compared, None for none in sight."""
        compared = self.epochs.compared
        return 0 if self.gate is None or compared is None else answers_to_go(compared, self.gate)

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
                Health.UNDECIDED, self.gate, objection, self._contradicting, counts, self._contradictions, None, None
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
        )

    @property
    def _contradicting(self) -> tuple[str, ...]:
        count = self._contradictions
        answers, name = ("answer", "names") if count == 1 else ("answers", "name")
        remark = f"{count} {answers} of one version {name} the other one as destination: counted as errors of no known"
        return (f"{remark} version",) if count else ()


def _without_order(errors: int, right: int) -> Sample:
    """Return counts of which no one knows the order."""
    return Sample(errors, right, errors, in_order=not errors)
