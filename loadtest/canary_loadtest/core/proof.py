"""What proves that one version has all requests: one window of the first answers after a change of weight.

Of 299 requests, a leak of 1 % shows with probability 0.95: 0.99^299 < 0.05. The window is taken once. To take another
one after a leak would be to ask until the answer pleases.
"""

from dataclasses import dataclass
from typing import Final

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.labels import CANARY, STABLE, VERSIONS

WINDOW: Final = 299
MOST_REPLACED: Final = WINDOW
"""The most errors of the version itself that further requests replace; a version that fails more often than it answers
proves nothing."""
NAMES: Final = {STABLE: "the stable version", CANARY: "the canary"}


@dataclass
class Proof:
    """The window so far.

    Attributes:
        expected: the version that is to have all requests: stable after a rollback, the canary after a release.
        right: its right answers.
        own_errors: its errors, each replaced by the next request.
        leak: what the first answer was that came from the other version, or may have; "" while there is none.
    """

    expected: str = STABLE
    right: int = 0
    own_errors: int = 0
    leak: str = ""

    @property
    def sent(self) -> int:
        """How many requests were answered, or not."""
        return self.right + self.own_errors + bool(self.leak)

    @property
    def complete(self) -> bool:
        """Whether the window is full, or what came proves a leak."""
        return bool(self.leak) or self.right >= WINDOW

    def add(self, answer: Answer) -> None:
        """Take the next answer: a version that is gone looks like an error that names no version.

        A released canary may be called stable by then, since Argo Rollouts moves the subset's label: its body alone
        counts.
        """
        if answer.label == self.expected and (self.expected == CANARY or answer.destination != CANARY):
            self.right += 1
        elif answer.label not in VERSIONS and answer.destination == self.expected:
            self.own_errors += 1
            if self.own_errors > MOST_REPLACED:
                self.leak = f"{self.own_errors} errors of {NAMES[self.expected]}, so that nothing is proved"
        else:
            self.leak = f"request {self.sent + 1} got {self._what(answer)}"

    def _what(self, answer: Answer) -> str:
        """Return what an answer is that should not have come."""
        if answer.label in VERSIONS and answer.label != self.expected:
            return f"an answer of {NAMES[answer.label]}"
        version = f"names {NAMES[answer.destination]}" if answer.destination in NAMES else "names no version"
        return f"{answer.label}, which {version}"

    @property
    def sentence(self) -> str:
        """What it shows, for a person."""
        own = f", {self.own_errors} errors of {NAMES[self.expected]} itself" if self.own_errors else ""
        other = NAMES[CANARY if self.expected == STABLE else STABLE]
        if self.leak:
            change = "rollback" if self.expected == STABLE else "release"
            return f"the {change} leaks: {self.leak}{own}"
        return f"{self.right} answers, none of {other}{own}: a leak below 1 % (at 95 %)"
