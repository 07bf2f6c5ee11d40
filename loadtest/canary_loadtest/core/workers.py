"""The answers of many Locust workers in one order, that of their requests.

Each worker reports what the master has not acknowledged yet, so that a report that is lost, doubled or late does no
harm: the next one has its answers too.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Self

from canary_loadtest.core.answer import Answer


@dataclass(frozen=True)
class WorkerReport:
    """What a worker knows and the master may not.

    Attributes:
        acknowledged: how many answers came before these; the master has them.
        answers: the other answers, each after its ticket: the start of its request, in nanoseconds since the worker
            began the test.
        answered_until_nanoseconds: every request that was started before this time is answered; infinite where none is
            awaited and none will follow.
        unanswered: requests that it has started and that are not answered.
        final: whether the worker takes no more answers.
    """

    acknowledged: int
    answers: Sequence[tuple[int, Answer]]
    answered_until_nanoseconds: float
    unanswered: int
    final: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the report as types that Locust's messages carry."""
        return {**vars(self), "answers": [(ticket, *answer) for ticket, answer in self.answers]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the report that `to_dict` wrote; further entries are ignored."""
        return cls(
            acknowledged=data["acknowledged"],
            answers=tuple((ticket, Answer(*answer)) for ticket, *answer in data["answers"]),
            answered_until_nanoseconds=data["answered_until_nanoseconds"],
            unanswered=data["unanswered"],
            final=data["final"],
        )


@dataclass(slots=True)
class _Known:
    """What is known of a worker; times are on the master's clock, which counts from the start of the test."""

    began_nanoseconds: int = 0
    answered_until_nanoseconds: float = 0
    received: int = 0
    unanswered: int = 0
    final: bool = False


class Workers:
    """Hands the workers' answers on in one order: that of their requests, over all workers.

    An answer waits until every request that any worker started before it is answered. In an order of its own each
    worker would hide one slow answer, which is more often one of the slower version. Any order will do that is fixed
    when a request is sent and does not depend on answers. So the workers' clocks need not agree: each counts from the
    start of the test on its worker, and that of a worker which joins later from its first report.

    What waits is bounded by the requests that one timeout and the time between two reports let pass.
    """

    def __init__(self) -> None:
        """Begin with no worker."""
        self._known: dict[str, _Known] = {}
        self._waiting: list[tuple[int, str, Answer]] = []

    def expect(self, worker: str) -> None:
        """Wait for the reports of a worker that takes part from the start."""
        self._known.setdefault(worker, _Known())

    def take(self, worker: str, report: WorkerReport, now_nanoseconds: int) -> int:
        """Take a worker's report, and return how many answers of this worker have come, to be acknowledged.

        Args:
            worker: its name.
            report: any of its reports, again or late.
            now_nanoseconds: time since the start of the test.
        """
        known = self._known.setdefault(worker, _Known(began_nanoseconds=now_nanoseconds))
        for ticket, answer in report.answers[known.received - report.acknowledged :]:
            heappush(self._waiting, (known.began_nanoseconds + ticket, worker, answer))
            known.received += 1
        if not known.final:
            answered_until = known.began_nanoseconds + report.answered_until_nanoseconds
            known.answered_until_nanoseconds = max(known.answered_until_nanoseconds, answered_until)
            known.unanswered, known.final = report.unanswered, report.final
        return known.received

    def in_order(self, alive: Container[str]) -> Iterator[Answer]:
        """Yield each answer whose turn has come, once.

        Args:
            alive: the workers that still report. For those that are lost nothing waits: their names are an objection
                to any verdict, and what comes if they return is counted then.
        """
        reporting = [known for worker, known in self._known.items() if known.final or worker in alive]
        answered_until = min((known.answered_until_nanoseconds for known in reporting), default=0)
        while self._waiting and self._waiting[0][0] < answered_until:
            yield heappop(self._waiting)[2]

    @property
    def names(self) -> list[str]:
        """All workers that take part."""
        return sorted(self._known)

    @property
    def without_final(self) -> list[str]:
        """The workers whose last answers have not come."""
        return [worker for worker in self.names if not self._known[worker].final]

    @property
    def unfinished(self) -> int:
        """How many requests were started and not handed on: unanswered, or behind one that is."""
        return len(self._waiting) + sum(known.unanswered for known in self._known.values())
