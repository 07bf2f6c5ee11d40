"""Computes `canary_loadtest/core/thresholds.py`: the likelihood ratios at which a split in use is CONFIRMED.

    python -m scripts.statistics.calibrate

For each expected share, tolerance and alpha it finds the two ratios at which a split that is off by the tolerance, to
either side, is confirmed with a probability of at most alpha, and only a little less, so that a verdict takes few
answers. The probabilities are exact (`scripts.statistics.lattice`). It takes minutes; run it when the rule changes.
"""

import sys
from math import ceil, log
from typing import Final

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.rules import SplitRule
from scripts import REPOSITORY
from scripts.statistics.lattice import walk

TABLE: Final = REPOSITORY / "loadtest" / "canary_loadtest" / "core" / "thresholds.py"
ALPHAS: Final = (0.05, 0.01)
DEFAULTS: Final = tuple(float(percent) for percent in range(1, 51))
"""Shares that are calibrated at their default tolerance; those above 50 % are the mirror image."""
CANARY_PERCENT_BY_POINTS: Final = {
    5.0: (5.0,),
    10.0: (10.0, 20.0, 25.0, 30.0, 40.0, 50.0),
    2.0: (2.0, 5.0, 10.0, 20.0, 30.0, 50.0),
    1.0: (1.0, 5.0, 10.0),
}
START: Final = 0.65  # in units of 1 / alpha: near the solutions
CLOSE_ENOUGH: Final = 0.985
MOST_ROUNDS: Final = 12
HEADER: Final = '''"""The likelihood ratios at which a split is CONFIRMED, so that alpha is used up and never exceeded.

Made by scripts/statistics/calibrate.py; do not edit. (expected percent of canary, tolerance in points, alpha) -> (ratio
to the upper edge, ratio to the lower edge). For a share above 50 % exchange the two; for a split that is not listed
1/alpha holds.
"""

from collections.abc import Mapping

CALIBRATED_RATIOS: Mapping[tuple[float, float, float], tuple[float, float]] = {
'''


def horizon(expectation: Expectation) -> int:
    """Return the answers after which a share at the edge of the band is practically never confirmed any more."""
    share, tolerance = expectation.canary_percent / 100, expectation.points / 100
    return ceil(25 * share * (1 - share) / tolerance**2 * log(1 / expectation.alpha))


def false_confirm_probabilities(expectation: Expectation, ratios: tuple[float, float]) -> list[float]:
    """Return the probabilities that a share at the upper and at the lower edge of the band is ever confirmed."""
    rule, band = SplitRule(expectation, ratios), expectation.band
    return [
        walk(rule, band, edge, horizon(expectation), refute=False).confirmed if 0 < edge < 1 else 0.0
        for edge in reversed(band)
    ]


def calibrate(canary_percent: float, points: float, alpha: float) -> tuple[float, float]:
    """Return the ratios that confirm soonest while false confirmations stay within alpha.

    With a lower edge of 0 % the lower ratio never decides, because one canary answer excludes 0 %; it stays 1/alpha.

    Args:
        canary_percent: the expected share.
        points: the tolerance in percentage points.
        alpha: the largest probability of a false confirmation.

    Returns:
        The ratio to the upper and to the lower edge, rounded to hundredths.
    """
    goal = alpha * (1 + CLOSE_ENOUGH) / 2
    best = (1 / alpha, 1 / alpha)
    ratios = (START / alpha, START / alpha)
    for _ in range(MOST_ROUNDS):
        errors = false_confirm_probabilities(Expectation(canary_percent, points, alpha), ratios)
        if all(error <= alpha for error in errors):
            best = min(best, ratios, key=sum)
            if all(error >= CLOSE_ENOUGH * alpha or error == 0 for error in errors):
                break
        upper, lower = (
            ceil(100 * ratio * (error / goal) ** 0.8) / 100 if error else 1 / alpha
            for ratio, error in zip(ratios, errors, strict=True)
        )
        ratios = (upper, lower)
    return best


def splits() -> list[tuple[float, float]]:
    """Return the expected shares and tolerances that are calibrated, each in percent."""
    at_defaults = [(percent, Expectation(percent).points) for percent in DEFAULTS]
    return at_defaults + [
        (percent, points) for points, all_of in CANARY_PERCENT_BY_POINTS.items() for percent in all_of
    ]


def main() -> None:
    """Write the table."""
    lines = []
    for canary_percent, points in splits():
        for alpha in ALPHAS:
            upper, lower = calibrate(canary_percent, points, alpha)
            lines.append(f"    ({canary_percent}, {points}, {alpha}): ({upper:.2f}, {lower:.2f}),\n")
            print(lines[-1].strip(), file=sys.stderr, flush=True)
    TABLE.write_text(HEADER + "".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
