"""What proves a rollback: one window of the first answers after it, none of which is the canary's.

Of 299 requests, a leak of 1 % shows with probability 0.95: 0.99^299 < 0.05. The window is taken once. To take another
one after a leak would be to ask until the answer pleases.
"""

from dataclasses import dataclass
from typing import Final

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.labels import CANARY, STABLE

WINDOW: Final = 299
MOST_REPLACED: Final = WINDOW
"""The most errors of the stable version that further requests replace; a stable version that fails more often than it
answers proves nothing."""


@dataclass
class Proof:
    """The window so far.

    Attributes:
        right: right answers of the stable version.
        stable_errors: errors of the stable version, each replaced by the next request.
        leak: what the first answer was that came from the canary, or may have; "" while there is none.
    """

    right: int = 0
    stable_errors: int = 0
    leak: str = ""

    @property
    def sent(self) -> int:
        """How many requests were answered, or not."""
        return self.right + self.stable_errors + bool(self.leak)

    @property
    def complete(self) -> bool:
        """Whether the window is full, or what came proves a leak."""
        return bool(self.leak) or self.right >= WINDOW

    def add(self, answer: Answer) -> None:
        """Take the next answer: a canary that is gone looks like an error that names no version."""
        if answer.label == STABLE and answer.destination != CANARY:
            self.right += 1
        elif answer.label not in {CANARY, STABLE} and answer.destination == STABLE:
            self.stable_errors += 1
            if self.stable_errors > MOST_REPLACED:
                self.leak = f"{self.stable_errors} errors of the stable version, so that nothing is proved"
        else:
            version = "names the canary" if answer.destination == CANARY else "names no version"
            what = "an answer of the canary" if answer.label == CANARY else f"{answer.label}, which {version}"
            self.leak = f"request {self.sent + 1} got {what}"

    @property
    def sentence(self) -> str:
        """What it shows, for a person."""
        own = f", {self.stable_errors} errors of the stable version itself" if self.stable_errors else ""
        if self.leak:
            return f"the rollback leaks: {self.leak}{own}"
        return f"{self.right} answers, none of the canary{own}: a leak below 1 % (at 95 %)"
