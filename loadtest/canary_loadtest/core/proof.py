"""What proves that one version has all requests: one window of the first answers after a change of weight.

Of 299 requests, a leak of 1 % shows with probability 0.95: 0.99^299 < 0.05. The window is taken once. To take another
one after a leak would be to ask until the answer pleases.
"""

from dataclasses import dataclass
from typing import Final

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.labels import CANARY, STABLE, VERSIONS
from canary_loadtest.core.message import Message

WINDOW: Final = 299
MOST_REPLACED: Final = WINDOW
"""The most errors of the version itself that further requests replace; a version that fails more often than it answers
proves nothing."""
NAMES: Final = {STABLE: Message("the stable version"), CANARY: Message("the canary")}


@dataclass
class Proof:
    """The window so far.

    Attributes:
        expected: the version that is to have all requests: stable after a rollback, the canary after a release; stable
            after a release, too, where the engine has made stable the new version.
        is_release: whether it is the end of a release.
        right: its right answers.
        own_errors: its errors, each replaced by the next request.
        leak: what the first answer was that came from the other version, or may have; "" while there is none.
    """

    expected: str = STABLE
    right: int = 0
    own_errors: int = 0
    leak: str = ""
    is_release: bool = False

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
                self.leak = Message(
                    "{count} errors of {version}, so that nothing is proved",
                    count=self.own_errors,
                    version=NAMES[self.expected],
                )
        else:
            self.leak = Message("request {number} got {what}", number=self.sent + 1, what=self._what(answer))

    def _what(self, answer: Answer) -> str:
        """Return what an answer is that should not have come."""
        if answer.label in VERSIONS and answer.label != self.expected:
            return Message("an answer of {version}", version=NAMES[answer.label])
        version = (
            Message("names {version}", version=NAMES[answer.destination])
            if answer.destination in NAMES
            else Message("names no version")
        )
        return Message("{label}, which {version}", label=answer.label, version=version)

    @property
    def sentence(self) -> str:
        """What it shows, for a person."""
        own = (
            Message(", {count} errors of {version} itself", count=self.own_errors, version=NAMES[self.expected])
            if self.own_errors
            else ""
        )
        other = NAMES[CANARY if self.expected == STABLE else STABLE]
        if self.leak:
            change = Message("release") if self.is_release else Message("rollback")
            return Message("the {change} leaks: {leak}{own}", change=change, leak=self.leak, own=own)
        return Message(
            "{right} answers, none of {other}{own}: a leak below 1 % (at 95 %)", right=self.right, other=other, own=own
        )
