"""The answers of a finished record in the order of their requests."""

from array import array
from collections.abc import Iterator
from math import isnan, nan

from canary_loadtest.core.answer import Answer


class ByStart:
    """Answers by the moment when their requests were sent; those of one moment stay in the order in which they came.

    Tools write answers down as they end, so that slow ones come late. What is slow is learnt from earlier answers, and
    a finished record can be sorted. It takes 20 bytes for each answer, some 100 while they are sorted, and a little for
    each kind of answer.
    """

    def __init__(self) -> None:
        """Have no answer yet."""
        self._kinds: dict[Answer, int] = {}
        self._kind = array("L")
        self._started = array("d")
        self._seconds = array("d")

    def add(self, answer: Answer, started: float | None) -> None:
        """Take an answer.

        Args:
            answer: the answer, with the time that it took.
            started: when its request was sent, in seconds since any moment that all have in common; None where that is
                not known: then its place is behind the answer that came before it.
        """
        kind = answer._replace(seconds=None)
        self._kind.append(self._kinds.setdefault(kind, len(self._kinds)))
        self._seconds.append(nan if answer.seconds is None else answer.seconds)
        if started is None:
            started = self._started[-1] if self._started else 0.0
        self._started.append(started)

    def __iter__(self) -> Iterator[Answer]:
        """Yield the answers in the order of their requests."""
        kinds = list(self._kinds)
        for place in sorted(range(len(self._started)), key=self._started.__getitem__):
            seconds = self._seconds[place]
            yield kinds[self._kind[place]]._replace(seconds=None if isnan(seconds) else seconds)
