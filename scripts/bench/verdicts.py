"""How many answers a verdict takes and how often it is wrong: exactly, and compared with what is possible."""

from bisect import bisect_left
from math import ceil, log, log1p, sqrt
from random import Random
from statistics import NormalDist, quantiles
from typing import Final

import numpy as np

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.comparison import Comparison
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.rules import rule_for
from canary_loadtest.core.session import Session
from scripts.bench.budget import Budget
from scripts.bench.page import Section, Table, number
from scripts.statistics.calibrate import horizon
from scripts.statistics.lattice import Outcomes, walk
from scripts.statistics.optimum import limit

SPLITS: Final = {
    "70/30 ±5": Expectation(30, 5),
    "70/30 ±10": Expectation(30, 10),
    "90/10 ±5": Expectation(10, 5),
    "99/1 ±0.5": Expectation(1),
    "0/100, leak of 1": Expectation(100),
}
DEFAULTS: Final = tuple(float(percent) for percent in range(1, 51))
"""The shares whose default tolerance is compared with the limit; those above 50 % are the mirror image."""
ALPHAS: Final = (0.05, 0.01)
QUICK_SPLITS: Final = ("70/30 ±10", "0/100, leak of 1")
POWER: Final = 0.9
GIVE_UP_HORIZONS: Final = 4
ONE_WAY_HORIZON: Final = 1000
MOST_RATIO: Final = 1.02

STEPS_PERCENT: Final = ((1, 5), (5, 10), (10, 30), (30, 50), (50, 100))
"""The weights of a release, each with the next one."""
RUNS: Final = 200
QUICK_RUNS: Final = 3
HEALTHY_COLUMNS: Final = ("healthy canary", "margin", "split: median", "canary: median", "both: median", "90 %")
DEFAULT_COLUMNS: Final = ("CONFIRMED alone", "5 %: mean", "limit", "ratio", "1 %: mean", "limit", "ratio")

METHOD: Final = """\
The figures are exact: they come from every possible state of a run (`scripts/statistics/lattice.py`), with a decision
after each answer. Mean, median and 90th percentile are the answers until a correct split gets a verdict, either one;
then the probabilities that a correct split is REFUTED, and that a split off by the tolerance is CONFIRMED. The
fixed-size tests decide once, at the end: two one-sided tests (TOST) confirm a correct split, and a chi-squared test
refutes one that is off by the tolerance, with probability 0.9 each. The limit is the best mean that any test can
achieve (`scripts/statistics/optimum.py`); it only confirms, so the mean of CONFIRMED alone is compared with it."""


def tost_answers(share: float, tolerance: float, alpha: float, power: float) -> int:
    """Return the answers that a fixed-size test takes to confirm a correct split.

    Args:
        share: the expected share, as a fraction.
        tolerance: the tolerance, as a fraction.
        alpha: the probability that a share at an edge is confirmed.
        power: the probability that the correct share is confirmed.
    """
    normal = NormalDist()
    deviations = normal.inv_cdf(1 - alpha) + normal.inv_cdf(1 - (1 - power) / 2)
    return ceil(share * (1 - share) * (deviations / tolerance) ** 2)


def chi_squared_answers(share: float, true_share: float, alpha: float, power: float) -> int:
    """Return the answers that a fixed-size chi-squared test takes to refute `share` when another one is true.

    Args:
        share: the expected share, as a fraction, strictly between 0 and 1.
        true_share: the real one.
        alpha: the probability that the expected share is refuted when it is true.
        power: the probability that it is refuted when it is not.
    """
    normal = NormalDist()
    under_expected = normal.inv_cdf(1 - alpha / 2) * sqrt(share * (1 - share))
    under_true = normal.inv_cdf(power) * sqrt(true_share * (1 - true_share))
    return ceil(((under_expected + under_true) / (true_share - share)) ** 2)


def quantile(outcomes: Outcomes, probability: float) -> int:
    """Return the number of answers within which a rule has fired with a probability."""
    fired_by: list[float] = np.cumsum(outcomes.answers).tolist()
    return bisect_left(fired_by, probability) + 1


def least_answers(expectation: Expectation) -> float:
    """Return the least mean number of answers with which any test confirms."""
    if expectation.one_way:  # every run of a correct split is the same: a fixed number of answers without a leak
        return float(ceil(log(expectation.alpha) / log1p(-expectation.points / 100)))
    share = expectation.canary_percent / 100
    return limit(share, expectation.band, expectation.alpha, horizon(expectation)).mean_answers


def measure(budget: Budget) -> Section:
    """Compute every split."""
    splits = {name: split for name, split in SPLITS.items() if budget.thorough or name in QUICK_SPLITS}
    exact_columns = ("exact", "mean", "median", "90 %", "correct split REFUTED", "split at an edge CONFIRMED")
    limit_columns = ("CONFIRMED alone", "mean", "limit", "ratio", "TOST, fixed", "chi-squared, fixed")
    tables = [
        Table(exact_columns, [_exact_row(name, split) for name, split in splits.items()]),
        Table(limit_columns, [_limit_row(name, split) for name, split in splits.items()]),
    ]
    if budget.thorough:
        tables.append(Table(DEFAULT_COLUMNS, [_default_row(percent) for percent in DEFAULTS]))
    steps = STEPS_PERCENT if budget.thorough else STEPS_PERCENT[-1:]
    runs = RUNS if budget.thorough else QUICK_RUNS
    tables.append(Table(HEALTHY_COLUMNS, [_healthy_row(weight, then, runs) for weight, then in steps]))
    note = f"""\
Aim: at most {MOST_RATIO} times the limit, with a correct split REFUTED in at most 0.1 % and a wrong one CONFIRMED in at
most 5 %. The table of shares has each whole percent at its default tolerance, at alpha 5 and 1 %. The last table is
simulated, {runs} runs a row with the seeds 0 to {runs - 1}: what a go-ahead takes where no answer is an error; of the
split alone (`--only-split`), of the canary's errors alone, and of both."""
    return Section("Answers until the verdict", METHOD, tables, note)


def _healthy_row(weight_percent: int, next_weight_percent: int, runs: int) -> tuple[str, ...]:
    """Return how many answers it takes at a weight until split, canary, and both are right, without any error."""
    expectation = Expectation(weight_percent, next_weight_percent=next_weight_percent)
    taken = [_answers_taken(expectation, seed) for seed in range(runs)]
    split, canary, both = (sorted(column) for column in zip(*taken, strict=True))
    gate = Comparison(expectation).gate
    margin_points = gate.margin_points if gate else 0.0
    return (
        f"{weight_percent} %, then {next_weight_percent} %",
        f"{margin_points:.3g}",
        *(number(column[len(column) // 2]) for column in (split, canary, both)),
        number(quantiles(both, n=10, method="inclusive")[-1]),
    )


def _answers_taken(expectation: Expectation, seed: int) -> tuple[int, int, int]:
    """Return after how many answers split, canary, and both are found to be right."""
    random, both = Random(seed), Session(expectation)  # noqa: S311 - a simulation
    split, canary = Session(Expectation(expectation.canary_percent)), Comparison(expectation)
    canary_after = 0.0
    while not (split.decided and canary_after and both.decided):
        answer = Answer(CANARY if 100 * random.random() < expectation.canary_percent else STABLE)
        for session in (split, both):
            session.add(answer)
        if not canary_after:
            canary.add(answer)
            if canary.due and not canary.look() and canary.passes():
                canary_after = canary.epochs.all[-1].counts.total
    return split.tally.total, int(canary_after), both.tally.total


def _default_row(canary_percent: float) -> tuple[str, ...]:
    cells = [f"{canary_percent:g} % ±{Expectation(canary_percent).points:g}"]
    for alpha in ALPHAS:
        expectation = Expectation(canary_percent, alpha=alpha)
        mean_answers = _walk(expectation, canary_percent / 100, refute=False).mean_answers
        least = least_answers(expectation)
        cells += [number(mean_answers), number(least), f"{mean_answers / least:.3f}"]
    return tuple(cells)


def _walk(expectation: Expectation, share: float, *, refute: bool = True) -> Outcomes:
    most_answers = GIVE_UP_HORIZONS * (ONE_WAY_HORIZON if expectation.one_way else horizon(expectation))
    return walk(rule_for(expectation), expectation.band, share, most_answers, refute=refute)


def _percent(probability: float) -> str:
    return f"{100 * probability:.2f} %"


def _exact_row(name: str, expectation: Expectation) -> tuple[str, ...]:
    correct = _walk(expectation, expectation.canary_percent / 100)
    # The edges that must not be confirmed: those that are not the expectation itself.
    wrong = [_walk(expectation, edge).confirmed for edge in expectation.band if 0 < edge < 1]
    return (
        name,
        number(correct.mean_answers),
        number(quantile(correct, 0.5)),
        number(quantile(correct, 0.9)),
        _percent(correct.refuted),
        ", ".join(map(_percent, wrong)),
    )


def _limit_row(name: str, expectation: Expectation) -> tuple[str, ...]:
    share, tolerance = expectation.canary_percent / 100, expectation.points / 100
    mean_answers, least = _walk(expectation, share, refute=False).mean_answers, least_answers(expectation)
    fixed = ("-", "-")
    if not expectation.one_way:
        fixed = (
            number(tost_answers(share, tolerance, expectation.alpha, POWER)),
            number(chi_squared_answers(share, share + tolerance, expectation.alpha, POWER)),
        )
    return (name, number(mean_answers), number(least), f"{mean_answers / least:.3f}", *fixed)
