"""The tests of the canary's errors once more, for many runs at once, and runs by chance to try them on.

Written apart from the load test's own: likelihood ratios of binomial distributions instead of steps for each answer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, rel_entr, xlog1py, xlogy
from scipy.stats import beta

from canary_loadtest.core.health.counts import Counts
from canary_loadtest.core.health.gate import next_look

Floats = npt.NDArray[np.float64]
RATIOS = 1.25, 1.6, 2.5, 5.0, 20.0
LEVELS = 0.0, 0.0005, 0.0015, 0.004, 0.01, 0.025, 0.06, 0.15, 0.35
ANSWERS = 20_000
Rate = float | Callable[[np.random.Generator, Any], Any]
"""A constant rate, or one for each run and block, from chance and how much of the run has passed."""


@dataclass(frozen=True)
class States:
    """Counts of runs (rows) at their looks (columns), in the words of the notation: E1, G1, E0, G0, U."""

    answers: Any
    e1: Any
    g1: Any
    e0: Any
    g0: Any
    u: Any
    told: float = field(kw_only=True)

    def counts(self, run: int, look: int) -> Counts:
        """Return one state as the load test takes it."""
        return Counts._make(
            [*(int(kind[run, look]) for kind in (self.e1, self.g1, self.e0, self.g0, self.u)), self.told]
        )


@dataclass(frozen=True)
class Release:
    """A canary and a stable version behind a proxy.

    Attributes:
        share: of the requests that the proxy sends to the canary.
        canary: its rate of errors, of constant chance or as a function.
        stable: the stable version's.
        told: the configured share, None for the true one.
        named: the parts of the canary's and of the stable version's errors that name their version.
    """

    share: float
    canary: Rate
    stable: Rate
    told: float | None = None
    named: tuple[float, float] = field(default=(1.0, 1.0))

    def runs(self, runs: int, seed: int, answers: int = ANSWERS) -> States:
        """Return the counts of many runs at each look."""
        random = np.random.default_rng(seed)
        looks = np.array(list(looks_until(answers)))
        blocks = np.diff(looks, prepend=0)
        passed = np.broadcast_to(looks / answers, (runs, len(looks)))
        canary = random.binomial(np.broadcast_to(blocks, passed.shape), self.share)
        stable = blocks - canary
        common = np.random.default_rng(seed + 1)  # both versions see the same rates where they share a function
        rates = [rate(common, passed) if callable(rate) else rate for rate in (self.canary, self.stable)]
        if self.canary is self.stable:
            rates[1] = rates[0]
        canary_errors, stable_errors = random.binomial(canary, rates[0]), random.binomial(stable, rates[1])
        e1, e0 = random.binomial(canary_errors, self.named[0]), random.binomial(stable_errors, self.named[1])
        u = canary_errors + stable_errors - e1 - e0
        kinds = e1, canary - canary_errors, e0, stable - stable_errors, u
        return States(looks, *[kind.cumsum(axis=1) for kind in kinds], told=self.told or self.share)


def looks_until(answers: int) -> Iterator[int]:
    """Yield after how many answers a run is looked at."""
    look = next_look(0)
    while look <= answers:
        yield look
        look = next_look(look)


def log_mean(logs: list[Any]) -> Any:  # noqa: ANN401 - arrays of NumPy
    """Return the log of the mean over the first axis."""
    return logsumexp(np.stack(np.broadcast_arrays(*logs)), axis=0) - np.log(len(logs))


def worse(states: States) -> Any:  # noqa: ANN401 - arrays of NumPy
    """Return the log evidence of WORSE: of all errors, the canary's are binomial with a larger share than s."""
    errors = states.e1 + states.e0 + states.u
    n1 = states.e1 + states.g1
    s = np.maximum(states.told, n1 / np.maximum(n1 + states.e0 + states.g0, 1))
    logs = []
    for ratio in RATIOS:
        larger = s * ratio / (1 - s + s * ratio)
        others = errors - states.e1
        logs.append(xlogy(states.e1, larger / s) + xlogy(others, (1 - larger) / np.where(s < 1, 1 - s, 1)))
    return np.where(s < 1, log_mean(logs), -np.inf)


def not_worse(states: States, margin: float) -> Any:  # noqa: ANN401 - arrays of NumPy
    """Return the log evidence of NOT WORSE, the lesser one of both shares; -inf where a version has no answer."""
    n1 = states.e1 + states.g1 + states.u
    n = n1 + states.e0 + states.g0
    both = (n1 > 0) & (n1 < n)
    observed = np.where(both, n1 / n, 0.5)
    grid = shares_between(observed)
    of_told, of_observed = [], []
    for level in LEVELS:
        if level + margin >= 1:
            continue
        projections = np.array([projection(level, margin, share) for share in grid])
        of_told.append(log_ratio(states, level, projection(level, margin, states.told), margin))
        of_observed.append(log_ratio(states, level, np.interp(observed, grid, projections), margin))
    return np.where(both, np.minimum(log_mean(of_told), log_mean(of_observed)), -np.inf)


def shares_between(observed: Any) -> Any:  # noqa: ANN401 - arrays of NumPy
    """Return the shares at which projections are found; those between them are interpolated."""
    grid = np.unique(observed)
    if len(grid) < 20:
        return grid
    low, high = np.geomspace(grid[0], 1, 60), 1 - np.geomspace(1 - grid[-1], 1, 60)
    return np.unique(np.clip(np.concatenate([low, high]), grid[0], grid[-1]))


def log_ratio(states: States, level: float, stable: Any, margin: float) -> Any:  # noqa: ANN401 - arrays of NumPy
    """Return the log likelihood of one rate for both versions, over that of (stable, stable + margin)."""
    canary = stable + margin
    common = xlogy(states.e1 + states.u + states.e0, level) + xlog1py(states.g1 + states.g0, -level)
    of_canary = xlogy(states.e1 + states.u, canary) + xlog1py(states.g1, -canary)
    of_stable = xlogy(states.e0, stable) + xlog1py(states.g0, -stable)
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(common), -np.inf, common - of_canary - of_stable)


def projection(level: float, margin: float, share: float) -> float:
    """Return stable's rate by SciPy's minimiser: where rates that are a margin apart explain a common one best."""
    if level == 0:
        return 0.0

    def divergence(stable: float) -> float:
        canary = stable + margin
        of_canary = rel_entr(level, canary) + rel_entr(1 - level, 1 - canary)
        return float(share * of_canary + (1 - share) * (rel_entr(level, stable) + rel_entr(1 - level, 1 - stable)))

    bounds = max(level - margin, 0) + 1e-15, level
    return float(minimize_scalar(divergence, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x)


def ever(evidence: Any, alpha: float) -> Any:  # noqa: ANN401 - arrays of NumPy
    """Return of each run whether its evidence ever is enough."""
    return (evidence >= -np.log(alpha)).any(axis=1)


def answers_at(states: States, evidence: Any, alpha: float) -> Any:  # noqa: ANN401 - arrays of NumPy
    """Return of each run after how many answers its evidence first is enough, infinite where it never is."""
    fires = evidence >= -np.log(alpha)
    return np.where(fires.any(axis=1), states.answers[fires.argmax(axis=1)], np.inf)


def lower_bound(wrong: int, runs: int) -> float:
    """Return the exact 99 % lower bound of a rate (Clopper and Pearson, 1934)."""
    return float(beta.ppf(0.01, wrong, runs - wrong + 1)) if wrong else 0.0


def keeps(fires: Any, alpha: float) -> bool:  # noqa: ANN401 - arrays of NumPy
    """Return whether the rate at which runs are wrong may be alpha."""
    return lower_bound(int(np.sum(fires)), len(fires)) <= alpha


def around_median(runs: int) -> tuple[int, int]:
    """Return which order statistics enclose the true median with probability 99.9 %."""
    half = round(3.3 * runs**0.5 / 2)
    return runs // 2 - half, runs // 2 + half
