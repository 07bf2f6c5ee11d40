"""How many answers a verdict takes and how often it is wrong: exactly, simulated, and beside what is possible."""

from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import ceil, log, log1p, sqrt
from multiprocessing import get_context
from random import Random
from statistics import NormalDist, mean

import numpy as np

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.rules import rule_for
from canary_loadtest.core.session import Session
from scripts.bench.budget import Budget
from scripts.bench.machine import cores
from scripts.bench.page import Section, Table, number
from scripts.statistics.calibrate import horizon
from scripts.statistics.lattice import Outcomes, walk
from scripts.statistics.optimum import limit

SPLITS = {
    "70/30 ±5": Expectation(30, 5),
    "70/30 ±10": Expectation(30, 10),
    "90/10 ±5": Expectation(10, 5),
    "99/1 ±1": Expectation(1, 1),
    "0/100, leak of 1": Expectation(100),
}
QUICK_SPLITS = ("70/30 ±10", "0/100, leak of 1")
POWER = 0.9
GIVE_UP_HORIZONS = 4
MOST_RATIO = 1.02

METHOD = """\
Exact figures come from walking every state of a run (`scripts/statistics/lattice.py`), looked at after each answer: the
mean, the median and the 90th percentile of the answers until a right split gets its verdict, whichever it is; the
probabilities that a right split is REFUTED, and that one which is off by the tolerance is CONFIRMED. The simulated runs
go through `canary_loadtest.core.session`, with a seed for each. The fixed-size tests are looked at once, at the end:
two one-sided tests (TOST) confirm a right split, and a chi-squared test refutes one that is off by the tolerance, with
probability 0.9 each. The limit is what no test can do better on average (`scripts/statistics/optimum.py`): it only
confirms, so that the
rule's CONFIRMED alone is compared with it."""


def tost_answers(share: float, tolerance: float, alpha: float, power: float) -> int:
    """Return the answers that a fixed-size test takes to confirm a right split.

    Args:
        share: the expected share, as a fraction.
        tolerance: the tolerance, as a fraction.
        alpha: the probability that a share at an edge is confirmed.
        power: the probability that the right share is.
    """
    normal = NormalDist()
    deviations = normal.inv_cdf(1 - alpha) + normal.inv_cdf(1 - (1 - power) / 2)
    return ceil(share * (1 - share) * (deviations / tolerance) ** 2)


def chi_squared_answers(share: float, true_share: float, alpha: float, power: float) -> int:
    """Return the answers that a fixed-size chi-squared test takes to refute `share` when another one is true.

    Args:
        share: the expected share, as a fraction, strictly between 0 and 1.
        true_share: the real one.
        alpha: the probability that the expected share is refuted.
        power: the probability that the real one is told apart.
    """
    normal = NormalDist()
    under_expected = normal.inv_cdf(1 - alpha / 2) * sqrt(share * (1 - share))
    under_true = normal.inv_cdf(power) * sqrt(true_share * (1 - true_share))
    return ceil(((under_expected + under_true) / (true_share - share)) ** 2)


def quantile(outcomes: Outcomes, probability: float) -> int:
    """Return the number of answers by which a rule has fired with a probability."""
    fired_by: list[float] = np.cumsum(outcomes.answers).tolist()
    position: int = bisect_left(fired_by, probability)
    return position + 1


def least_answers(expectation: Expectation) -> float:
    """Return the least mean number of answers with which any test confirms."""
    if expectation.one_way:  # under the right share every run is the same: so many answers without a leak
        return float(ceil(log(expectation.alpha) / log1p(-expectation.points / 100)))
    return limit(
        expectation.canary_percent / 100, expectation.band, expectation.alpha, horizon(expectation)
    ).mean_answers


@dataclass(frozen=True)
class Run:
    """How one simulated run ended: its verdict, and after how many answers."""

    outcome: Outcome
    answers: int


def simulate(expectation: Expectation, true_share: float, seed: int, most_answers: int) -> Run:
    """Let a session judge answers that are drawn with a seed.

    Args:
        expectation: what is claimed.
        true_share: the real share of the canary, as a fraction.
        seed: of the draw.
        most_answers: when the run gives up.
    """
    draw = Random(seed)  # noqa: S311 - a simulation
    session = Session(expectation)
    while not session.decided and session.tally.total < most_answers:
        session.finish(session.start(), Answer(CANARY if draw.random() < true_share else STABLE))
    return Run(session.verdict().outcome, session.tally.total)


def _simulate_all(expectation: Expectation, true_share: float, seeds: int) -> Sequence[Run]:
    most_answers = GIVE_UP_HORIZONS * _most_answers(expectation)
    return [simulate(expectation, true_share, seed, most_answers) for seed in range(seeds)]


def _most_answers(expectation: Expectation) -> int:
    return 1000 if expectation.one_way else horizon(expectation)


def _edges(expectation: Expectation) -> list[float]:
    """Return the shares that must not be confirmed: the edges of the band that are not the expectation itself."""
    return [edge for edge in expectation.band if 0 < edge < 1]


def measure(budget: Budget) -> Section:
    """Compute and simulate every split."""
    splits = SPLITS if budget.thorough else {name: SPLITS[name] for name in QUICK_SPLITS}
    with ProcessPoolExecutor(len(cores()), mp_context=get_context("spawn")) as pool:
        simulated = {
            name: [
                pool.submit(_simulate_all, expectation, share, budget.seeds)
                for share in (expectation.canary_percent / 100, *_edges(expectation))
            ]
            for name, expectation in splits.items()
        }
        exact_rows = [_exact_row(name, expectation) for name, expectation in splits.items()]
        limit_rows = [_limit_row(name, expectation) for name, expectation in splits.items()]
        simulated_rows = [_simulated_row(name, [run.result() for run in runs]) for name, runs in simulated.items()]
    exact_columns = ("exact", "mean", "median", "90 %", "right split REFUTED", "split at an edge CONFIRMED")
    limit_columns = ("CONFIRMED alone", "mean", "limit", "ratio", "TOST, fixed", "chi-squared, fixed")
    simulated_columns = (f"{budget.seeds:,} seeds each", *exact_columns[1:])
    tables = [
        Table(exact_columns, exact_rows),
        Table(limit_columns, limit_rows),
        Table(simulated_columns, simulated_rows),
    ]
    notes = [f"Aim: at most {MOST_RATIO} times the limit, with every error rate at most 5 %."]
    return Section("Answers until the verdict", METHOD, tables, notes)


def _percent(probability: float) -> str:
    return f"{100 * probability:.2f} %"


def _exact_row(name: str, expectation: Expectation) -> tuple[str, ...]:
    rule, most_answers = rule_for(expectation), GIVE_UP_HORIZONS * _most_answers(expectation)
    right = walk(rule, expectation.band, expectation.canary_percent / 100, most_answers)
    wrong = [walk(rule, expectation.band, edge, most_answers).confirmed for edge in _edges(expectation)]
    return (
        name,
        number(right.mean_answers),
        number(quantile(right, 0.5)),
        number(quantile(right, 0.9)),
        _percent(right.refuted),
        ", ".join(map(_percent, wrong)),
    )


def _limit_row(name: str, expectation: Expectation) -> tuple[str, ...]:
    share, tolerance = expectation.canary_percent / 100, expectation.points / 100
    alone = walk(
        rule_for(expectation), expectation.band, share, GIVE_UP_HORIZONS * _most_answers(expectation), refute=False
    )
    least = least_answers(expectation)
    fixed = ("-", "-")
    if not expectation.one_way:
        fixed = (
            number(tost_answers(share, tolerance, expectation.alpha, POWER)),
            number(chi_squared_answers(share, share + tolerance, expectation.alpha, POWER)),
        )
    return (name, number(alone.mean_answers), number(least), f"{alone.mean_answers / least:.3f}", *fixed)


def _simulated_row(name: str, shares: Sequence[Sequence[Run]]) -> tuple[str, ...]:
    right, *edges = shares
    answers = np.sort([run.answers for run in right])
    wrong = [mean(run.outcome is Outcome.CONFIRMED for run in runs) for runs in edges]
    return (
        name,
        number(float(answers.mean())),
        number(float(np.quantile(answers, 0.5))),
        number(float(np.quantile(answers, 0.9))),
        _percent(mean(run.outcome is Outcome.REFUTED for run in right)),
        ", ".join(map(_percent, wrong)),
    )
