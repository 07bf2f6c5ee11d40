"""The counts of many Locust workers, merged on the master.

Each worker reports all that it has counted so far, not what is new, so that a report that is lost, doubled or late does
no harm: the next one replaces it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Self

from canary_loadtest.core.tally import Tally


@dataclass(frozen=True)
class WorkerReport:
    """What a worker has counted so far.

    Attributes:
        tally: its answers, in the order in which their requests were started.
        unfinished: requests that it has started and not counted.
        final: whether the worker has stopped counting.
    """

    tally: Tally
    unfinished: int
    final: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the report as types that Locust's messages carry."""
        return {"tally": self.tally.to_dict(), "unfinished": self.unfinished, "final": self.final}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the report that `to_dict` wrote."""
        return cls(Tally.from_dict(data["tally"]), data["unfinished"], data["final"])


class Workers:
    """The latest report of every worker that takes part in a test."""

    def __init__(self) -> None:
        """Begin with no worker."""
        self._latest: dict[str, WorkerReport | None] = {}

    def expect(self, worker: str) -> None:
        """Know of a worker that takes part, whether or not it ever reports."""
        self._latest.setdefault(worker, None)

    def take(self, worker: str, report: WorkerReport) -> None:
        """Replace what is known of a worker by its newer report; a final one stays."""
        known = self._latest.get(worker)
        if known is None or not known.final:
            self._latest[worker] = report

    @property
    def names(self) -> list[str]:
        """All workers that take part."""
        return sorted(self._latest)

    @property
    def silent(self) -> list[str]:
        """The workers that have not reported anything."""
        return [worker for worker in self.names if self._latest[worker] is None]

    @property
    def without_final(self) -> list[str]:
        """The workers whose last counts have not come."""
        return [worker for worker, report in sorted(self._latest.items()) if report is None or not report.final]

    def merged(self) -> Tally:
        """Return the sum of all reports."""
        return reduce(add, (report.tally for report in self._latest.values() if report), Tally())

    def unfinished(self) -> int:
        """Return how many requests are started and not counted on all workers."""
        return sum(report.unfinished for report in self._latest.values() if report)

    def held_back(self) -> int:
        """Return how many workers wait for an answer: each holds back one that must count as unlabelled.

        The moment of a report depends on how long answers take, and thereby on their version: the request that a
        worker waits for is more often of the slower one. With that request counted, as one of unknown version, the
        number of answers is a stopping time and the sequential test holds; without it the faster version is ahead.
        """
        return sum(report.unfinished > 0 for report in self._latest.values() if report)
