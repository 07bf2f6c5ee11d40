"""How often the verdict is wrong: exactly, by walking every state, and by simulated runs through the whole session."""

import random

import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.rules import confirming_ratios, rule_for
from canary_loadtest.core.session import Session
from canary_loadtest.core.thresholds import CALIBRATED_RATIOS
from scripts.statistics.calibrate import horizon
from scripts.statistics.lattice import walk

pytestmark = pytest.mark.rates

HORIZON = 5000
SPLITS = [(30.0, 5.0), (30.0, 10.0), (10.0, 5.0), (90.0, 5.0), (50.0, 5.0), (99.0, 1.0), (0.2, 5.0)]
DEFAULTS = [Expectation(percent) for percent in (1.0, 5.0, 30.0, 50.0, 98.0)]
EXPECTATIONS = [*(Expectation(*split) for split in SPLITS), *DEFAULTS]
ALPHA, ALPHA_STOP = 0.05, 0.001


def name(expectation: Expectation) -> str:
    """Return what a test is called."""
    return f"{expectation.canary_percent:g}-within-{expectation.points:g}"


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=name)
def test_a_right_split_is_refuted_with_probability_alpha_stop_at_most(expectation: Expectation) -> None:
    """Exactly: of runs with the configured share at most alpha_stop are REFUTED, and nearly all others CONFIRMED."""
    farther = max(HORIZON, 2 * horizon(expectation))
    outcomes = walk(rule_for(expectation), expectation.band, expectation.canary_percent / 100, farther)
    assert 0 < outcomes.refuted <= ALPHA_STOP
    assert outcomes.confirmed >= 1 - 2 * ALPHA_STOP


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=name)
@pytest.mark.parametrize("upper", [0, 1])
def test_a_split_off_by_the_tolerance_is_confirmed_with_probability_alpha_at_most(
    expectation: Expectation, upper: int
) -> None:
    """Exactly: of runs whose share is off by the tolerance at most alpha are CONFIRMED, and the others REFUTED."""
    edge_percent = expectation.tested_edges_percent[upper]
    if edge_percent is None:
        assert expectation.canary_percent - expectation.points < 0  # no share is so far off
        return
    farther = max(HORIZON, 2 * horizon(expectation))
    outcomes = walk(rule_for(expectation), expectation.band, edge_percent / 100, farther)
    assert outcomes.confirmed <= ALPHA
    assert outcomes.refuted >= 1 - ALPHA - 0.01


@pytest.mark.parametrize("beyond_points", [7.0, 10.0, 20.0])
def test_a_split_further_off_is_confirmed_less_often(beyond_points: float) -> None:
    """Exactly: the further off the share, the rarer a false CONFIRMED."""
    expectation = Expectation(30)
    at_the_edge = walk(rule_for(expectation), expectation.band, 0.35, HORIZON).confirmed
    assert walk(rule_for(expectation), expectation.band, 0.3 + beyond_points / 100, HORIZON).confirmed < at_the_edge


@pytest.mark.parametrize(("split", "ratios"), CALIBRATED_RATIOS.items())
def test_calibrated_ratios_use_alpha_up_and_no_more(
    split: tuple[float, float, float], ratios: tuple[float, float]
) -> None:
    """Exactly: CONFIRMED alone, never ended by REFUTED, is false at each edge with probability alpha, or a bit less."""
    alpha = split[2]
    expectation = Expectation(*split)
    farther = round(1.5 * horizon(expectation))
    assert confirming_ratios(expectation) == ratios
    for edge in expectation.band:  # both are tested in every split of the table
        false_confirmed = walk(rule_for(expectation), expectation.band, edge, farther, refute=False).confirmed
        assert false_confirmed <= alpha
        assert false_confirmed >= 0.9 * alpha or edge == 0


@pytest.mark.parametrize(
    ("canary_percent", "points", "limit"), [(30.0, 5.0, 733), (30.0, 10.0, 181), (10.0, 5.0, 319), (50.0, 5.0, 872)]
)
def test_a_right_split_is_confirmed_with_hardly_more_answers_than_any_test_needs(
    canary_percent: float, points: float, limit: int
) -> None:
    """Exactly: the mean number of answers is within 2 % of the least possible (optimal stopping, computed apart)."""
    expectation = Expectation(canary_percent, points)
    outcomes = walk(rule_for(expectation), expectation.band, canary_percent / 100, 20_000, refute=False)
    assert outcomes.confirmed > 0.9999
    assert outcomes.mean_answers <= 1.02 * limit


@pytest.mark.parametrize(("alpha", "alpha_stop"), [(0.01, 0.001), (0.2, 0.01), (0.05, 0.05)])
def test_each_alpha_sets_its_error_rate(alpha: float, alpha_stop: float) -> None:
    """Exactly: a false CONFIRMED is bounded by the one alpha that was asked for, a false REFUTED by the other."""
    expectation = Expectation(30, 5, alpha, alpha_stop)
    assert alpha_stop / 10 < walk(rule_for(expectation), expectation.band, 0.3, HORIZON).refuted <= alpha_stop
    assert alpha / 2 < walk(rule_for(expectation), expectation.band, 0.35, HORIZON).confirmed <= alpha


def simulated(seed: int, share: float, expectation: Expectation) -> Outcome:
    """Return the verdict of one run of at most 6,000 answers through the session."""
    draw = random.Random(seed)
    session = Session(expectation)
    for _ in range(6000):
        session.finish(session.start(), Answer(CANARY if draw.random() < share else STABLE))
        if session.decided:
            break
    return session.verdict().outcome


@pytest.mark.parametrize(
    ("canary_percent", "share", "wrong", "most"),
    [
        (30, 0.30, Outcome.REFUTED, 0.001),
        (30, 0.35, Outcome.CONFIRMED, 0.05),
        (30, 0.25, Outcome.CONFIRMED, 0.05),
        (0, 0.0, Outcome.REFUTED, 0.0),
        (0, 0.01, Outcome.CONFIRMED, 0.05),
        (100, 0.995, Outcome.CONFIRMED, 0.25),  # half of the leak that is excluded: 0.995^299 = 22 %
    ],
)
def test_simulated_runs_are_wrong_as_rarely_as_promised(
    canary_percent: float, share: float, wrong: Outcome, most: float
) -> None:
    """Of 1,000 seeded runs no more end wrong than promised, beyond what chance allows with probability 1e-6."""
    expectation = Expectation(canary_percent)
    outcomes = [simulated(seed, share, expectation) for seed in range(1000)]
    errors = outcomes.count(wrong)
    slack = 4.9 * (1000 * most * (1 - most)) ** 0.5
    assert errors <= 1000 * most + slack
    assert Outcome.INCONCLUSIVE not in outcomes
