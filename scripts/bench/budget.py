"""How much time the benchmark may take: all of it, or a smoke run that only shows that it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """How often and how long each section measures.

    Attributes:
        rounds: rounds of every interleaved comparison.
        round_seconds: how long one side of a round takes.
        shifts: shifts of the routes under load.
        seeds: simulated runs for each row.
        piped_answers: answers that the judge is given at once.
        growth_answers: numbers of answers that a session is given, ascending.
        soak_answers: answers that the load test takes without a pause.
        soak_seconds: when the soak ends in any case.
        thorough: whether the exact limits of the finer splits are computed too.
    """

    rounds: int
    round_seconds: float
    shifts: int
    seeds: int
    piped_answers: int
    growth_answers: tuple[int, ...]
    soak_answers: int
    soak_seconds: float
    thorough: bool


FULL = Budget(
    rounds=11,
    round_seconds=1.0,
    shifts=24,
    seeds=1000,
    piped_answers=300_000,
    growth_answers=(1_000, 10_000, 100_000, 1_000_000),
    soak_answers=1_000_000,
    soak_seconds=240.0,
    thorough=True,
)
QUICK = Budget(
    rounds=2,
    round_seconds=0.2,
    shifts=2,
    seeds=20,
    piped_answers=20_000,
    growth_answers=(1_000, 10_000),
    soak_answers=5_000,
    soak_seconds=20.0,
    thorough=False,
)
