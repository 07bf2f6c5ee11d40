"""How long the benchmark measures: in full, or as a smoke run."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Budget:
    """How often and how long each section measures.

    Attributes:
        rounds: rounds of every interleaved comparison.
        round_seconds: duration of one side of a round.
        shifts: shifts of the routes under load.
        piped_answers: answers that the judge reads in one round.
        thorough: whether the verdicts are computed for all splits.
    """

    rounds: int
    round_seconds: float
    shifts: int
    piped_answers: int
    thorough: bool


FULL: Final = Budget(rounds=11, round_seconds=1.0, shifts=24, piped_answers=300_000, thorough=True)
QUICK: Final = Budget(rounds=2, round_seconds=0.2, shifts=2, piped_answers=2_000, thorough=False)
