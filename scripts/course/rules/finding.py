"""What a check reports."""

from dataclasses import dataclass
from enum import StrEnum

from canary_loadtest.core.message import Message


class Outcome(StrEnum):
    """The three outcomes of a check."""

    DONE = "done"
    NOT_YET = "not yet"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Finding:
    """What a check saw.

    Attributes:
        outcome: whether the step is done.
        cause: a word for what was seen, by which hints are counted.
        saw: what was seen, a sentence.
        look: where to look next, "" where the step is done; never the command.
        hints: what helps, each says more than the one before.
    """

    outcome: Outcome
    cause: str
    saw: str
    look: str = ""
    hints: tuple[str, ...] = ()

    def hint(self, given: int) -> str:
        """Return the next hint after `given` others; the last one is repeated, "" where there is none."""
        return self.hints[min(given, len(self.hints) - 1)] if self.hints else ""


def done(saw: Message) -> Finding:
    """Return that the step is done."""
    return Finding(Outcome.DONE, "done", saw)


def not_yet(cause: str, saw: Message, look: Message, *hints: Message) -> Finding:
    """Return that the learner has something left to do; arguments as the attributes of `Finding`."""
    return Finding(Outcome.NOT_YET, cause, saw, look, hints)


def cannot_tell(cause: str, saw: Message, look: Message) -> Finding:
    """Return that the environment lets no check be made; arguments as the attributes of `Finding`."""
    return Finding(Outcome.CANNOT_TELL, cause, saw, look)
