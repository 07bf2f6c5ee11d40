"""What was read so far: the counts, and which lines were no record of an answer."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from canary_loadtest.core import contract
from canary_loadtest.core.answer import ANY_MESH, Answer, Destinations
from canary_loadtest.core.contract import Classifier
from canary_loadtest.core.health.comparison import Comparison
from canary_loadtest.core.labels import escaped
from canary_loadtest.core.tally import Tally
from canary_loadtest.judge.order import ByStart

MOST_SHOWN: Final = 100


class Line(NamedTuple):
    """A line of an input.

    Attributes:
        source: how the input is called.
        number: its number there, from 1 on.
        text: the line.
    """

    source: str
    number: int
    text: bytes

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self.source}, line {self.number}"


class Timing(NamedTuple):
    """When a request was sent, and how long its answer took.

    Attributes:
        started: the moment of the send, in seconds since any moment that the record has in common; None where the
            record does not say it.
        seconds: from the send to the end of the answer, None where the record does not say it.
        place: which line says it.
    """

    started: float | None = None
    seconds: float | None = None
    place: str = ""


NO_TIMING: Final = Timing()


@dataclass
class Reading:
    """What was read so far.

    Attributes:
        route: count only answers by this route; None for any.
        classify: returns the label of an answer whose status, headers and body are known.
        destinations: how such an answer names its destination.
        tally: the counts.
        comparison: the same answers in their order, by destination; None where they are compared by their counts.
        by_start: where the answers are put in the order of their requests before they are compared; None where they are
            compared as they come.
        timed: how many answers have a version, the moment of their request and the time that they took.
        untimed: how many have a version, and lack one of the others.
        first_untimed: the place of the first of these.
        records: how many lines were of the format.
        missed: how many lines were none.
        first_missed: the first of these, and why, for a person.
        advice: what is wrong with the encoding of the first input that has something wrong, "" for nothing.
    """

    route: str | None = None
    classify: Classifier = contract.classify
    destinations: Destinations = ANY_MESH
    tally: Tally = field(default_factory=Tally)
    comparison: Comparison | None = None
    by_start: ByStart | None = None
    timed: int = 0
    untimed: int = 0
    first_untimed: str = ""
    records: int = 0
    missed: int = 0
    first_missed: str = ""
    advice: str = ""

    def add(self, label: str, route: str = "", destination: str = "", timing: Timing = NO_TIMING) -> None:
        """Count an answer."""
        self.records += 1
        self._count(Answer(label, route, destination=destination, seconds=timing.seconds), timing)

    def add_missing(self, label: str, count: int) -> None:
        """Count requests that have no answer among the others, as ones of kind `label`."""
        if count:
            self.tally.other[label] += count
        if self.comparison is not None:
            self.comparison.add_unordered(count)

    def _count(self, answer: Answer, timing: Timing = NO_TIMING) -> None:
        counted = self.tally.add(answer, self.route)
        if self.comparison is None or counted is None:
            return
        if self.by_start is None:
            self.comparison.add(counted)
        elif timing.started is None and not counted.version:
            self.comparison.add_unordered(1)
        else:
            self._put_in_order(counted, timing, self.by_start)

    def _put_in_order(self, counted: Answer, timing: Timing, by_start: ByStart) -> None:
        """Keep an answer for the order of the requests. An error is slower than any answer, however long it took."""
        by_start.add(counted, timing.started)
        if not counted.version:
            return
        if timing.started is None or (timing.seconds is None and counted.label == counted.version):
            self.untimed += 1
            self.first_untimed = self.first_untimed or timing.place
        else:
            self.timed += 1

    def compare_in_order(self) -> None:
        """Compare the answers that were kept for it, in the order of their requests."""
        if self.comparison is not None and self.by_start is not None:
            for answer in self.by_start:
                self.comparison.add(answer)

    def miss(self, label: str, line: Line, why: str) -> None:
        """Count a line that is no record of an answer, as one of kind `label`."""
        self.missed += 1
        self._count(Answer(label))
        if not self.first_missed:
            shown = escaped(f"{why}: {line.text.decode(errors='replace').strip()}", MOST_SHOWN)
            self.first_missed = f"{line.place}: {shown}"
