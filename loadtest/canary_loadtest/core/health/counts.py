"""Right answers and errors of both versions, in the order of their requests, apart for each epoch.

An epoch is a stretch of answers between two changes of the weight, of the number of pods or of the route. Counts that
are pooled over epochs would compare a version's quiet hour with the other one's busy hour.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, Self

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.labels import CANARY


class Counts(NamedTuple):
    """The counts of one epoch as the tests take them; extrapolated ones need not be whole.

    Attributes:
        canary_errors: errors of the canary (E1).
        canary_right: right answers of the canary (G1).
        stable_errors: errors of the stable version (E0).
        stable_right: right answers of the stable version (G0).
        unknown_errors: errors of which no one knows the version (U).
        share: the configured share of the canary, a fraction of 1.
    """

    canary_errors: float
    canary_right: float
    stable_errors: float
    stable_right: float
    unknown_errors: float
    share: float

    @property
    def canary(self) -> float:
        """All answers that are known to be the canary's (n1)."""
        return self.canary_errors + self.canary_right

    @property
    def known(self) -> float:
        """All answers of a known version (n)."""
        return self.canary + self.stable_errors + self.stable_right

    @property
    def total(self) -> float:
        """All answers."""
        return self.known + self.unknown_errors

    @property
    def right(self) -> float:
        """The right answers of both versions."""
        return self.canary_right + self.stable_right


class Compared(NamedTuple):
    """What is compared at one look.

    Attributes:
        release: the counts of each epoch in which both versions got requests, oldest first.
        earlier: how many of them are of earlier weights.
    """

    release: tuple[Counts, ...]
    earlier: int = 0

    @property
    def at_this_weight(self) -> tuple[Counts, ...]:
        """The epochs since the weight last changed: NOT WORSE has to be shown at each weight by its own answers."""
        return self.release[self.earlier :]


@dataclass(slots=True)
class Sample:
    """Errors and right answers in the order of their requests, and in how many episodes the errors came.

    An episode is a run of errors without a right answer between them. Few episodes of many errors show that the errors
    were not independent, for which the tests are not made.

    Attributes:
        errors: how many answers were errors.
        right: how many were right.
        episodes: runs of errors.
        begins_with_error: whether the first answer was an error.
        ends_with_error: whether the last one was.
        in_order: whether the place of each error among the others is known, so that there are episodes.
    """

    errors: int = 0
    right: int = 0
    episodes: int = 0
    begins_with_error: bool = False
    ends_with_error: bool = False
    in_order: bool = True

    @property
    def total(self) -> int:
        """How many answers there are."""
        return self.errors + self.right

    @property
    def expected_episodes(self) -> float:
        """How many episodes as many independent errors have on average: e (r + 1) / (e + r) in any random order.

        Source: the mean number of runs of one kind (Wald and Wolfowitz, 1940).
        """
        return self.errors * (self.right + 1) / self.total if self.errors else 0.0

    def add(self, *, is_error: bool) -> None:
        """Count the next answer in order."""
        if not self.total:
            self.begins_with_error = is_error
        if is_error:
            self.errors += 1
            self.episodes += not self.ends_with_error
        else:
            self.right += 1
        self.ends_with_error = is_error

    def __add__(self, later: "Sample") -> "Sample":
        """Append the answers of a later stretch: an episode that goes on there stays one."""
        if not self.total or not later.total:
            both = self if self.total else later
            return replace(both)
        return Sample(
            errors=self.errors + later.errors,
            right=self.right + later.right,
            episodes=self.episodes + later.episodes - (self.ends_with_error and later.begins_with_error),
            begins_with_error=self.begins_with_error,
            ends_with_error=later.ends_with_error,
            in_order=self.in_order and later.in_order,
        )


@dataclass(slots=True)
class Epoch:
    """The answers between two changes of the weight, of the number of pods or of the route.

    Attributes:
        canary_percent: the configured share of the canary, 0 to 100.
        canary: the answers that were meant for the canary.
        stable: the answers that were meant for the stable version.
        unknown: errors of which no one knows the version, among all right answers.
    """

    canary_percent: float
    canary: Sample = field(default_factory=Sample)
    stable: Sample = field(default_factory=Sample)
    unknown: Sample = field(default_factory=Sample)

    @property
    def compares(self) -> bool:
        """Whether both versions get requests; at 0 and 100 % there is nothing to compare with."""
        return 0 < self.canary_percent < 100

    @property
    def counts(self) -> Counts:
        """The counts as the tests take them."""
        canary, stable = self.canary, self.stable
        return Counts(
            canary.errors,
            canary.right,
            stable.errors,
            stable.right,
            self.unknown.errors,
            self.canary_percent / 100,
        )

    def add(self, answer: Answer) -> None:
        """Count the next answer in order: what is not right is an error, of the version that was drawn if it is known.

        A right answer that names another destination than its own version is an error of no known version.
        """
        version = "" if answer.contradicts else answer.version
        is_right = answer.label == version
        if version:
            (self.canary if version == CANARY else self.stable).add(is_error=not is_right)
        if is_right or not version:
            self.unknown.add(is_error=not is_right)

    def __add__(self, later: "Epoch") -> "Epoch":
        """Append the answers of a later stretch with the same configured share."""
        if later.canary_percent != self.canary_percent:
            raise ValueError(f"epochs at {self.canary_percent:g} and {later.canary_percent:g} % are kept apart")
        return Epoch(
            self.canary_percent, self.canary + later.canary, self.stable + later.stable, self.unknown + later.unknown
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the epoch that `to_dict` wrote."""
        samples = {name: Sample(**data[name]) for name in ("canary", "stable", "unknown")}
        return cls(data["canary_percent"], **samples)


class Epochs:
    """All epochs of a release, the latest one open; memory grows with changes of the weight, not with answers.

    Attributes:
        all: the epochs, oldest first.
    """

    def __init__(self, canary_percent: float, before: Iterable[Epoch] = ()) -> None:
        """Begin an epoch, after those of earlier steps or of a release that is resumed."""
        self.all = [*before, Epoch(canary_percent)]

    def begin(self, canary_percent: float) -> None:
        """End the latest epoch and begin another: the weight, the number of pods or the route changed."""
        self.all.append(Epoch(canary_percent))

    def add(self, answer: Answer) -> None:
        """Count the next answer in the latest epoch, as `Epoch.add` does."""
        self.all[-1].add(answer)

    @property
    def at_this_weight(self) -> Sequence[Epoch]:
        """The epochs since the weight last changed."""
        percent = self.all[-1].canary_percent
        first = len(self.all)
        while first and self.all[first - 1].canary_percent == percent:
            first -= 1
        return self.all[first:]

    @property
    def compared(self) -> Compared | None:
        """What is compared, None where the latest weight is 0 or 100 %: there is nothing to compare with."""
        if not self.all[-1].compares:
            return None
        release = tuple(epoch.counts for epoch in self.all if epoch.compares)
        return Compared(release, len(release) - len(self.at_this_weight))
