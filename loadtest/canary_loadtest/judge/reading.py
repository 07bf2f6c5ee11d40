"""What was read so far: the counts, and which lines were no record of an answer."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from canary_loadtest.core import contract
from canary_loadtest.core.answer import ANY_MESH, Answer, Destinations
from canary_loadtest.core.contract import Classifier
from canary_loadtest.core.health.comparison import Comparison
from canary_loadtest.core.labels import escaped
from canary_loadtest.core.tally import Tally

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


@dataclass
class Reading:
    """What was read so far.

    Attributes:
        route: count only answers by this route; None for any.
        classify: returns the label of an answer whose status, headers and body are known.
        destinations: how such an answer names its destination.
        tally: the counts.
        comparison: the same answers in their order, by destination; None where they are compared by their counts.
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
    records: int = 0
    missed: int = 0
    first_missed: str = ""
    advice: str = ""

    def add(self, label: str, route: str = "", destination: str = "") -> None:
        """Count an answer."""
        self.records += 1
        self._count(Answer(label, route, destination=destination))

    def add_missing(self, label: str, count: int) -> None:
        """Count requests that have no answer among the others, as ones of kind `label`."""
        if count:
            self.tally.other[label] += count
        if self.comparison is not None:
            self.comparison.add_unordered(count)

    def _count(self, answer: Answer) -> None:
        counted = self.tally.add(answer, self.route)
        if self.comparison is not None and counted is not None:
            self.comparison.add(counted)

    def miss(self, label: str, line: Line, why: str) -> None:
        """Count a line that is no record of an answer, as one of kind `label`."""
        self.missed += 1
        self._count(Answer(label))
        if not self.first_missed:
            shown = escaped(f"{why}: {line.text.decode(errors='replace').strip()}", MOST_SHOWN)
            self.first_missed = f"{line.source}, line {line.number}: {shown}"
