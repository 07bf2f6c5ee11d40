"""What is known of a rollout: where it is, how it came there, and what is to be done next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, Self

from canary_loadtest.core.outcome import Outcome

FORMAT: Final = 1
LEAST_WEIGHT_PERCENT: Final = 0.1


class RolloutError(Exception):
    """A rollout that cannot go on; the message says what was in the way, and what to do."""


class Phase(StrEnum):
    """What a rollout does, or how it ended."""

    SETTING = "setting"
    MEASURING = "measuring"
    ROLLING_BACK = "rolling back"
    PROVING = "proving"
    RELEASED = "released"
    ROLLED_BACK = "rolled back"
    LEAKING = "leaking"


FINAL: Final = frozenset({Phase.RELEASED, Phase.ROLLED_BACK, Phase.LEAKING})


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        at: when, in UTC as `YYYY-MM-DD HH:MM:SS+00:00`.
        weight_percent: the canary's weight at that time.
        what: such as "set", "CONFIRMED" or "no leak".
        reason: why, in a sentence for a person; "" for what needs none.
    """

    at: str
    weight_percent: float
    what: str
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return dict(vars(self))


@dataclass(frozen=True)
class Record:
    """A rollout so far; it is what its file keeps.

    Attributes:
        weights_percent: the canary's weights, rising to 100; before the first one it has 0.
        position: the last weight that was written or is being written, as an index; -1 for 0 %.
        phase: what is being done, or how it ended.
        events: what happened, oldest first.
        load_test: further options of the load test, which must stay the same.
        subject: what is released, and where: counts say nothing of another canary; "" in a record of before 1.0.
        variables: those of the load test as NAME=VALUE, which must stay the same, too.
    """

    weights_percent: tuple[float, ...]
    position: int = -1
    phase: Phase = Phase.SETTING
    events: tuple[Event, ...] = ()
    load_test: tuple[str, ...] = field(default=())
    subject: str = ""
    variables: tuple[str, ...] = ()

    @property
    def weight_percent(self) -> float:
        """The weight that was written last, or is being written."""
        return 0.0 if self.position < 0 else self.weights_percent[self.position]

    @property
    def next_percent(self) -> float:
        """The weight that a go-ahead at this one is for; 100 at the end, where there is no next one."""
        following = self.weights_percent[self.position + 1 :]
        return following[0] if following else 100.0

    @property
    def split_steps(self) -> int:
        """How many weights lie between 0 and 100 %."""
        return max(1, sum(weight < 100 for weight in self.weights_percent))

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in FINAL

    def noted(self, at: str, what: str, reason: str = "") -> "Record":
        """Return the record with one more event at the present weight."""
        return replace(self, events=(*self.events, Event(at, self.weight_percent, what, reason)))

    def after_setting(self) -> "Record":
        """Return what follows once the weight is served: at 0 % the first step, at any other its measurement."""
        if self.phase is Phase.ROLLING_BACK:
            return replace(self, phase=Phase.PROVING)
        if self.position < 0:
            return replace(self, position=0)
        return replace(self, phase=Phase.MEASURING)

    def after_verdict(self, outcome: Outcome) -> "Record":
        """Return what follows a verdict: the next step, the way back, or, where it is undecided, more answers."""
        if outcome is Outcome.REFUTED:
            return replace(self, position=-1, phase=Phase.ROLLING_BACK)
        if outcome is Outcome.INCONCLUSIVE:
            return self
        if self.position == len(self.weights_percent) - 1:
            return replace(self, phase=Phase.RELEASED)
        return replace(self, position=self.position + 1, phase=Phase.SETTING)

    def after_proof(self, *, leaks: bool) -> "Record":
        """Return how it ended."""
        return replace(self, phase=Phase.LEAKING if leaks else Phase.ROLLED_BACK)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {
            "format": FORMAT,
            "weights_percent": list(self.weights_percent),
            "weight_percent": self.weight_percent,
            "position": self.position,
            "phase": self.phase.value,
            "events": [event.to_dict() for event in self.events],
            "load_test": list(self.load_test),
            "subject": self.subject,
            "variables": list(self.variables),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the record that `to_dict` wrote.

        Raises:
            RolloutError: it is none.
        """
        try:
            if data["format"] != FORMAT:
                raise RolloutError(f"its format is {data['format']}, and not {FORMAT}")
            return cls(
                tuple(data["weights_percent"]),
                data["position"],
                Phase(data["phase"]),
                tuple(Event(**event) for event in data["events"]),
                tuple(data["load_test"]),
                data.get("subject", ""),
                tuple(data.get("variables", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RolloutError("it is not the record of a rollout") from error


def weights_of(steps_percent: Sequence[float]) -> tuple[float, ...]:
    """Return the weights of a rollout: some steps, and 100 % at the end.

    Raises:
        RolloutError: they do not rise, or lie outside of what can be tested.
    """
    weights = tuple(steps_percent)
    if not all(LEAST_WEIGHT_PERCENT <= weight <= 100 for weight in weights):
        raise RolloutError(f"the steps are {_listed(weights)}: give percentages from {LEAST_WEIGHT_PERCENT:g} to 100")
    if any(later <= earlier for earlier, later in pairwise(weights)):
        raise RolloutError(f"the steps are {_listed(weights)}: each must be above the one before it")
    return weights if weights and weights[-1] == 100 else (*weights, 100.0)


def _listed(weights: Sequence[float]) -> str:
    return ", ".join(f"{weight:g}" for weight in weights)
