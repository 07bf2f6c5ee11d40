"""Whether a proxy picks a version for each request, or once for each kept connection.

On kept connections the answers of one connection are independent samples only if the proxy picks for each request.
The changes from one answer to the next show which it is.
"""

from dataclasses import dataclass
from math import log, log1p
from typing import Final

from canary_loadtest.core.labels import CANARY, STABLE, VERSIONS
from canary_loadtest.core.likelihood import log_ratio

REQUIRED_LOG_RATIO: Final = log(1000)
RARER_CHANGES: Final = 0.75


@dataclass(slots=True)
class Connections:
    """How answers follow one another on kept connections.

    Attributes:
        canary: canary answers that were the first of their connection.
        stable: stable answers that were the first of theirs.
        other: other answers that were the first of theirs.
        pairs: canary and stable answers that follow another one on the same connection.
        changes: those of them that differ from the one before.
    """

    canary: int = 0
    stable: int = 0
    other: int = 0
    pairs: int = 0
    changes: int = 0

    @property
    def kept(self) -> bool:
        """Whether connections serve more than one answer, or may."""
        return bool(sum(self.first_answers))

    @property
    def first_answers(self) -> tuple[int, int, int]:
        """The canary, stable and other answers that were the first of their connection."""
        return self.canary, self.stable, self.other

    def add(self, label: str, previous: str) -> None:
        """Count an answer with the label of the one before it on its connection, "" for the first."""
        if previous == "":
            self.canary += label == CANARY
            self.stable += label == STABLE
            self.other += label not in VERSIONS
        elif {label, previous} <= VERSIONS:
            self.pairs += 1
            self.changes += label != previous

    def picked_for_each_request(self, canary: int, stable: int) -> bool:
        """Return whether answers change so often that each must be a sample of its own.

        Args:
            canary: all canary answers so far.
            stable: all stable answers so far.
        """
        return self._evidence_of_pinning(canary, stable) <= -REQUIRED_LOG_RATIO

    def pinned(self, canary: int, stable: int) -> bool:
        """Return whether answers change so rarely that a connection must be bound to a version.

        Args:
            canary: all canary answers so far.
            stable: all stable answers so far.
        """
        return self._evidence_of_pinning(canary, stable) >= REQUIRED_LOG_RATIO

    def _evidence_of_pinning(self, canary: int, stable: int) -> float:
        """Return the log likelihood ratio of changes three quarters as often as chance predicts to as often.

        Independent answers of a share p differ from the one before with probability 2 p (1 - p); p is the observed
        share.
        """
        labelled = canary + stable
        if not labelled:
            return 0.0
        chance = 2 * canary * stable / labelled**2
        same = self.pairs - self.changes
        return log_ratio(self.changes, same, log(RARER_CHANGES), log1p(-RARER_CHANGES * chance) - log1p(-chance))

    def __add__(self, more: "Connections") -> "Connections":
        """Return the sum of both."""
        return Connections(
            self.canary + more.canary,
            self.stable + more.stable,
            self.other + more.other,
            self.pairs + more.pairs,
            self.changes + more.changes,
        )
