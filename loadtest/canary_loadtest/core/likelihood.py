"""Logarithms of likelihoods, with the conventions at the ends: log 0 = -inf, and 0 * inf = 0."""

from math import inf, lgamma, log


def safe_log(x: float) -> float:
    """Return the natural logarithm, with log 0 = -inf."""
    return log(x) if x > 0 else -inf


def log_ratio(hits: int, rest: int, per_hit: float, per_rest: float) -> float:
    """Return a binomial log likelihood ratio; an outcome that did not occur adds nothing, not 0 * inf.

    Args:
        hits: how often the event occurred.
        rest: how often it did not.
        per_hit: the log ratio of its probabilities under the two hypotheses.
        per_rest: the same for its complement.
    """
    return (hits * per_hit if hits else 0.0) + (rest * per_rest if rest else 0.0)


def log_beta(a: float, b: float) -> float:
    """Return log B(a, b), the logarithm of the beta function."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)
