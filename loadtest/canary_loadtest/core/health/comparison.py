"""The second verdict within one measurement: which answers it takes, when it looks, and what it makes of them."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.counts import Epoch, Epochs, Sample
from canary_loadtest.core.health.finding import finding_of
from canary_loadtest.core.health.gate import Gate, next_look
from canary_loadtest.core.health.rule import Health, look
from canary_loadtest.core.labels import VERSIONS

STOP_TESTS: Final = 2
"""How many tests may stop a run whose answers name their destination: the split, and the canary's errors."""
NOT_FROM_THE_START: Final = "the first answers named no destination, so that their errors cannot be told apart"


@dataclass(frozen=True)
class CanaryHealth:
    """What the errors of the two versions say at one moment.

    Attributes:
        health: WORSE, NOT WORSE or UNDECIDED.
        reason: why, in a sentence for a person.
        remarks: what else is to be known, each a sentence.
        counts: the answers by version.
        contradictions: answers of one version that named the other one as their destination.
        worse_after: how many answers had been counted when the canary was found to be worse, None where it was not.
    """

    health: Health
    reason: str
    remarks: tuple[str, ...]
    counts: Epoch
    contradictions: int
    worse_after: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types, as in the verdict file."""
        samples = {"canary": self.counts.canary, "stable": self.counts.stable}
        return {
            "finding": self.health.value,
            "sentence": self.reason,
            "remarks": list(self.remarks),
            "counts": {
                name: {"errors": sample.errors, "right": sample.right, "episodes": sample.episodes}
                for name, sample in samples.items()
            }
            | {"unknown_errors": self.counts.unknown.errors, "contradictions": self.contradictions},
            "worse_after": self.worse_after,
        }


class Comparison:
    """Counts errors and right answers of both versions in the order of their requests, and looks at them now and then.

    Whether they are compared is settled by the first answer that is of a version or names a destination: it can come
    before any rule on the split has fired. So a run has either one stop test, on the split, or two, and alpha_stop is
    divided by their number; to add the second one later would make the whole more often wrong than is said.

    Attributes:
        epochs: the counts, those of a load test in one epoch.
        named: whether an answer has named its destination.
        compares: whether the versions are compared; None where that is not settled yet.
        worse: the counts at which the canary was found to be worse, None where it was not.
    """

    def __init__(self, expectation: Expectation) -> None:
        """Begin without an answer."""
        self.epochs = Epochs(expectation.canary_percent)
        self.named = False
        self.compares: bool | None = False if expectation.one_way else None
        self.worse: Epochs | None = None
        self._gate = Gate(alpha=expectation.alpha, alpha_stop=expectation.alpha_stop / STOP_TESTS)
        self._contradictions = 0
        self._total = 0
        self._next_look = 1
        self._worse_after: int | None = None

    def add(self, answer: Answer) -> None:
        """Count the next answer in order, as the tally has counted it."""
        label, destination = answer.label, answer.destination
        if destination:
            self.named = True
            self._contradictions += label in VERSIONS and label != destination
        if self.compares is None and (destination or label in VERSIONS):
            self.compares = bool(destination)
        self.epochs.add(label, destination)
        self._total += 1

    def add_unordered(self, errors: int) -> None:
        """Count errors of no known version whose place among the others is not known: each an episode of its own."""
        latest = self.epochs.all[-1]
        latest.unknown += Sample(errors, 0, errors, errors > 0, errors > 0)
        self._total += errors

    @property
    def due(self) -> bool:
        """Whether there are enough more answers since the last look for another one."""
        return bool(self.compares) and self._total >= self._next_look

    def look(self) -> bool:
        """Return whether the canary is worse, now or at an earlier look."""
        self._next_look = next_look(self._total)
        compared = self.epochs.compared
        if self.worse is None and self.compares and compared and look(compared, self._gate) is Health.WORSE:
            self.worse, self._worse_after = deepcopy(self.epochs), self._total
        return self.worse is not None

    def health(self, objection: str = "") -> CanaryHealth | None:
        """Return what is known of the canary's errors, None where no answer has named its destination.

        Args:
            objection: why nothing can be found, "" where something can.
        """
        if not self.named or self.epochs.compared is None:
            return None
        if not objection and not self.compares:
            objection = NOT_FROM_THE_START
        finding = None if objection else finding_of(self.worse or self.epochs, self._gate)
        remarks = [_contradicting(self._contradictions)] if self._contradictions else []
        if finding is None:
            health, reason = Health.UNDECIDED, objection
        else:
            health, reason = finding.health, finding.reason
            remarks += finding.remarks
        counts = deepcopy(self.epochs.all[-1])
        worse_after = None if objection else self._worse_after
        return CanaryHealth(health, reason, tuple(remarks), counts, self._contradictions, worse_after)


def _contradicting(count: int) -> str:
    answers, name = ("answer", "names") if count == 1 else ("answers", "name")
    return (
        f"{count} {answers} of one version {name} the other one as destination: counted as errors of no known version"
    )
