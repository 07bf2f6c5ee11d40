"""What a check's own calls got."""

from collections.abc import Mapping
from dataclasses import dataclass

from canary_loadtest.core.message import Message, joined


@dataclass(frozen=True)
class Calls:
    """Some calls of one kind.

    Attributes:
        sent: how many there were.
        got: how many of them got each answer, by its status and its version ("" for an answer without one).
    """

    sent: int
    got: Mapping[tuple[int, str], int]

    def are_all_of(self, version: str) -> bool:
        """Return whether each got a right answer of a version."""
        return self.sent > 0 and dict(self.got) == {(200, version): self.sent}

    @property
    def are_right(self) -> bool:
        """Whether each got an answer 200."""
        return sum(count for (status, _), count in self.got.items() if status == 200) == self.sent > 0

    def with_status(self, status: int) -> int:
        """Return how many got a status."""
        return sum(count for (one, _), count in self.got.items() if one == status)

    def __str__(self) -> str:
        """Return it in words, such as `of 20 calls 14 got 200 from v1, 6 got 503`."""
        words = [
            Message("{count} got {status} from {version}", count=count, status=status, version=version)
            if version
            else Message("{count} got {status}", count=count, status=status)
            for (status, version), count in sorted(self.got.items())
        ]
        silent = self.sent - sum(self.got.values())
        words += [Message("{silent} got no answer in time", silent=silent)] if silent else []
        return Message("of {sent} calls {words}", sent=self.sent, words=joined(Message(", "), words))
