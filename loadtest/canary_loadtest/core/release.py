"""What the steps of a release have counted so far.

Evidence that the canary is worse adds up over the steps. A step that was cut off goes on with its own counts: to begin
again from nothing would be a second ticket in a lottery.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.counts import Epoch
from canary_loadtest.core.health.latency import Latency
from canary_loadtest.core.refusal import ExpectationError, check_format, reading
from canary_loadtest.core.tally import Tally

FORMAT: Final = 1
RUN: Final = "run"  # the member that says how the run stood that wrote the counts; see `Session.run_to_dict`
SPLIT: Final = "split"  # what stopped a release; the others are `health.comparison.ERRORS` and `LATENCY`


@dataclass(frozen=True)
class Release:
    """The counts of a release.

    Attributes:
        tested: the options that must stay the same over a release, since its error bounds rest on them, by their names.
        tallies: the answers of each step, by its weight in percent.
        epochs: the errors and right answers of each run, oldest first.
        latency: the slow answers of all runs; None where latency is not compared.
        stopped: the weight at which a finding stopped the release, and which: "split", "errors" or "latency"; None
            while it goes on.
    """

    tested: Mapping[str, float | None]
    tallies: Mapping[float, Tally] = field(default_factory=dict)
    epochs: Sequence[Epoch] = ()
    latency: Latency | None = None
    stopped: tuple[float, str] | None = None

    @classmethod
    def begin(cls, expectation: Expectation) -> Self:
        """Return a release without an answer."""
        slowness = expectation.slowness
        return cls(
            {
                "release_steps": expectation.release_steps,
                "alpha_stop": expectation.alpha_stop,
                "max_slowdown": None if slowness is None else slowness.ratio,
                "slow_percentile": None if slowness is None else slowness.percentile,
                "slow_above": None if slowness is None else slowness.milliseconds,
            }
        )

    def tally_at(self, weight_percent: float) -> Tally:
        """Return what was counted at a weight."""
        return self.tallies.get(weight_percent, Tally()).copy()

    def with_step(
        self, weight_percent: float, tally: Tally, epochs: Sequence[Epoch], latency: Latency | None
    ) -> "Release":
        """Return the release after a run: its own tally, and all epochs and slow answers, earlier ones included."""
        tallies = {**self.tallies, weight_percent: tally.copy()}
        return replace(self, tallies=tallies, epochs=epochs, latency=latency)

    def check(self, expectation: Expectation) -> None:
        """Refuse to go on with another question, or after the end.

        Raises:
            ExpectationError: an option has another value than the release was begun with, or the release was stopped at
                another weight; the message names it.
        """
        if self.stopped is not None and self.stopped[0] != expectation.canary_percent:
            raise ExpectationError(
                f"the release was stopped at {self.stopped[0]:g} % by its {self.stopped[1]}: begin another one, with"
                " another file"
            )
        for name, value in Release.begin(expectation).tested.items():
            if value != (before := self.tested.get(name)):
                raise ExpectationError(f"the release was begun with {_told(name, before)}, not {_told(name, value)}")

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON types."""
        return {
            "format": FORMAT,
            "tested": dict(self.tested),
            "steps": [
                {"weight_percent": weight_percent, "counts": tally.to_dict()}
                for weight_percent, tally in self.tallies.items()
            ],
            "epochs": [epoch.to_dict() for epoch in self.epochs],
            "latency": self.latency and self.latency.to_dict(),
            "stopped": self.stopped and list(self.stopped),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the release that `to_dict` wrote.

        Raises:
            ExpectationError: it is none, or one of another format.
        """
        with reading("the counts of a release"):
            check_format(data["format"], FORMAT)
            tallies = {step["weight_percent"]: Tally.from_dict(step["counts"]) for step in data["steps"]}
            if len(tallies) < len(data["steps"]):
                raise ExpectationError("it has a weight twice")
            for weight_percent, tally in tallies.items():
                _check(tally, weight_percent)
            return cls(
                dict(data["tested"]),
                tallies,
                [Epoch.from_dict(epoch) for epoch in data["epochs"]],
                data["latency"] and Latency.from_dict(data["latency"]),
                data["stopped"] and tuple(data["stopped"]),
            )


def _check(tally: Tally, weight_percent: float) -> None:
    """Refuse counts that no run makes; raises ExpectationError."""
    counts = {
        "canary": tally.canary,
        "stable": tally.stable,
        "drawn.canary - canary": tally.canary_errors,
        "drawn.stable - stable": tally.stable_errors,
        "settling": tally.settling,
        **{f"other_by_kind.{name}": count for name, count in tally.other.items()},
        **{f"routes.{name}": count for name, count in tally.routes.items()},
    }
    for name, count in counts.items():
        if type(count) is not int or count < 0:
            raise ExpectationError(f"its counts at {weight_percent:g} % have {name} {count!r}: no number of answers")


def _told(name: str, value: float | None) -> str:
    option = f"--{name.replace('_', '-')}"
    return f"no {option}" if value is None else f"{option} {value:g}"
