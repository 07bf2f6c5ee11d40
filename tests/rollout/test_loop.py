"""How often the loop of a rollout is right, over simulated answers of fixed seeds, all of which count."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.release import Release
from canary_loadtest.core.session import Session
from scripts.rollout.engine import EXIT_LEAKING, EXIT_RELEASED, EXIT_ROLLED_BACK, Measured, Step, roll_out
from scripts.rollout.file import RolloutFile
from scripts.rollout.rules.record import Record, weights_of
from tests.loadtest.health_oracle import lower_bound

WEIGHTS = weights_of((10, 50))
ANSWERS = 40_000
ERROR = "status_503"
Errors = Callable[[float], float]
"""How often the canary errs at a weight."""


@dataclass
class Simulated:
    """A mesh whose canary errs by chance; it does what a load test does with the counts of a release.

    Attributes:
        errors: how often the canary errs at each weight.
        draw: the source of chance.
        leaks: the share of the canary that is left after the way back.
        weight_percent: the weight that is served.
        written: the weights that were set, in order.
    """

    errors: Errors
    draw: random.Random
    leaks: float = 0.0
    weight_percent: float = -1.0
    written: list[float] = field(default_factory=list)
    release: Release | None = None

    def set_weight(self, weight_percent: float, route: str) -> None:
        """Serve a weight."""
        assert route == f"{100 - weight_percent:g}-{weight_percent:g}"
        self.weight_percent = weight_percent
        self.written.append(weight_percent)

    def measure(self, step: Step) -> Measured:
        """Return what a load test finds, which goes on with the counts of the release."""
        one_way = step.weight_percent == 100
        expectation = Expectation(
            step.weight_percent,
            next_weight_percent=None if one_way else step.next_percent,
            release_steps=step.split_steps,
        )
        session = Session(Expectation(100, release_steps=step.split_steps) if one_way else expectation)
        self.release = self.release or Release.begin(expectation)
        session.go_on_with(self.release)
        for _ in range(ANSWERS):
            if session.decided:
                break
            session.add(self.ask())
        self.release = session.added_to(self.release)
        verdict = session.verdict()
        return Measured(verdict.outcome, verdict.reason)

    def ask(self) -> Answer:
        """Return an answer by the weight that is served."""
        leak = self.leaks if self.weight_percent == 0 else 0.0
        if self.draw.random() >= max(self.weight_percent / 100, leak):
            return Answer(STABLE, "", None, STABLE)
        is_error = self.draw.random() < self.errors(self.weight_percent)
        return Answer(ERROR if is_error else CANARY, "", None, CANARY)


def ended(folder: Path, seed: int, errors: Errors, leaks: float = 0.0) -> tuple[int, Simulated]:
    """Return how one rollout ended, and what it moved."""
    machine = Simulated(errors, random.Random(seed), leaks)
    file = RolloutFile(folder / f"{seed}.json")
    code = roll_out(machine, file, Record(WEIGHTS), lambda _: None, settle_seconds=0)
    return code, machine


@pytest.mark.rates
def test_a_good_canary_is_released(tmp_path: Path) -> None:
    """In 97 of 100 rollouts at least, each with one write for each weight."""
    found = [ended(tmp_path, seed, lambda _: 0.0) for seed in range(100)]
    assert sum(code == EXIT_RELEASED for code, _ in found) >= 97
    assert all(machine.written == [0, 10, 50, 100] for code, machine in found if code == EXIT_RELEASED)


@pytest.mark.rates
def test_a_bad_canary_is_never_released(tmp_path: Path) -> None:
    """One that errs 5 points more often is taken back at its first weight, and the way back is proved."""
    found = [ended(tmp_path, seed, lambda _: 0.05) for seed in range(100)]
    assert {code for code, _ in found} == {EXIT_ROLLED_BACK}
    assert all(machine.written == [0, 10, 0] for _, machine in found)


@pytest.mark.rates
def test_one_that_is_worse_from_the_last_step_on_passes_with_probability_alpha_at_most(tmp_path: Path) -> None:
    """By that gate's margin, 1 point before 100 %: the right answers of earlier weights are no help."""
    found = [ended(tmp_path, seed, lambda weight: 0.01 if weight >= 50 else 0.0)[0] for seed in range(200)]
    passed = sum(code == EXIT_RELEASED for code in found)
    assert lower_bound(passed, len(found)) <= 0.05, passed
    assert len(found) > 2 * passed


@pytest.mark.parametrize("leaks", [0.0, 0.1])
def test_a_rollback_that_leaks_is_not_called_proved(tmp_path: Path, leaks: float) -> None:
    """A tenth of the requests that still reach the canary end in an exit code of its own."""
    code, machine = ended(tmp_path, 1, lambda _: 0.5, leaks)
    assert code == (EXIT_LEAKING if leaks else EXIT_ROLLED_BACK)
    assert machine.written[-1] == 0


def test_an_undecided_step_is_held_and_gone_on_with(tmp_path: Path) -> None:
    """The traffic stays; the next start has the counts, writes no weight again, and ends as it must."""
    file = RolloutFile(tmp_path / "rollout.json")
    machine = Simulated(lambda _: 0.0, random.Random(3))
    begun = [Measured(Outcome.INCONCLUSIVE, "too few")]
    ask_more = machine.measure

    def measure(step: Step) -> Measured:
        return begun.pop() if begun else ask_more(step)

    machine.measure = measure  # type: ignore[method-assign]
    assert roll_out(machine, file, Record(WEIGHTS), lambda _: None, settle_seconds=0) == 11
    assert machine.written == [0, 10]
    record = file.read()
    assert record is not None
    assert [event.what for event in record.events] == ["set", "set", "INCONCLUSIVE"]
    assert roll_out(machine, file, record, lambda _: None, settle_seconds=0) == EXIT_RELEASED
    assert machine.written == [0, 10, 50, 100]
