"""A verdict computed again from the counts that its file has, and what in the file contradicts itself."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from canary_loadtest.core.expectation import DEFAULT_ALPHA, DEFAULT_ALPHA_STOP, MOST_ANSWERS, Expectation
from canary_loadtest.core.outcome import EXIT_CODES, Outcome
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import Verdict

# A share that is written with fewer digits is the same.
LEAST_DIFFERENCE_PERCENT: Final = 0.01


def contradictions(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield, as a sentence each, what in the file of a verdict does not fit its counts; nothing where all does.

    Args:
        content: the JSON of the file.

    Raises:
        KeyError: a member is missing; ValueError, TypeError, AttributeError: a member is of another kind.
    """
    counts = content["counts"]
    _check(counts)
    tally = Tally.from_dict(counts)
    yield from _of_totals(content, tally)
    again, said = _again(content, tally), Outcome(content["verdict"])
    if _contradicts(content, said, again):
        yield f"its counts make {again.outcome.value}, and it says {said.value}"
    if content["exit_code"] != EXIT_CODES[said]:
        yield f"it says {said.value} with exit code {content['exit_code']}"
    expected = content["expected"]
    if expected["alpha"] > DEFAULT_ALPHA or expected["alpha_stop"] > DEFAULT_ALPHA_STOP:
        yield f"it is less certain than the course asks for: alpha {expected['alpha']}, {expected['alpha_stop']}"


def _check(counts: Mapping[str, Any]) -> None:
    """Raise ValueError where a count is no whole number that a load test can reach."""
    flat = [counts[name] for name in ("canary", "stable", "other", "settling")]
    flat += [*counts["drawn"].values(), *counts["other_by_kind"].values(), *counts["routes"].values()]
    flat += counts["connections"].values()
    if any(type(one) is not int or not 0 <= one <= MOST_ANSWERS for one in flat):
        raise ValueError(f"a count is no whole number from 0 to {MOST_ANSWERS}")


def _of_totals(content: Mapping[str, Any], tally: Tally) -> Iterator[str]:
    counts = content["counts"]
    if counts["other"] != tally.other_total:
        yield f"{counts['other']} other answers are {tally.other_total} by their kinds"
    if tally.unknown != counts["drawn"]["unknown"] or min(tally.canary_errors, tally.stable_errors) < 0:
        yield f"{tally.total} answers were drawn for {sum(counts['drawn'].values())} requests"
    if tally.routes.total() != tally.labelled:
        yield f"{tally.labelled} right answers named {tally.routes.total()} routes"
    share = 100 * tally.canary_drawn / tally.total if tally.total else None
    stated = content["canary_percent"]
    if (share is None) != (stated is None) or abs((share or 0) - (stated or 0)) > LEAST_DIFFERENCE_PERCENT:
        yield f"its counts make {share or 0:.2f} % of the canary, and it says {stated}"


def _again(content: Mapping[str, Any], tally: Tally) -> Verdict:
    """Return the verdict on the counts; the order of the answers and their times are not in the file."""
    expected, health = content["expected"], content["health"] or {}
    expectation = Expectation(
        canary_percent=expected["canary_percent"],
        tolerance_points=expected["tolerance_points"],
        alpha=expected["alpha"],
        alpha_stop=expected["alpha_stop"],
        max_errors_percent=expected["max_errors_percent"],
        next_weight_percent=health.get("next_weight_percent"),
        margin_told=health.get("margin_points"),
    )
    session = Session(expectation, content["route"])
    session.add_all(tally)
    return session.verdict()


def _contradicts(content: Mapping[str, Any], said: Outcome, again: Verdict) -> bool:
    """Return whether the counts make another verdict than the file says, as far as counts alone can tell.

    A run that was told to keep going has looked at its answers before the last one, and the latency is not in the
    counts: such a REFUTED, or an INCONCLUSIVE that something else stood against, is no contradiction.
    """
    if said is again.outcome:
        return False
    if said is Outcome.CONFIRMED:
        return True
    decided_after = content["decided_after"]
    if said is Outcome.INCONCLUSIVE:
        return decided_after is None and not content["unfinished"]
    if content["expected"]["max_slowdown"] is not None:
        return False
    return again.outcome is Outcome.CONFIRMED or decided_after is None or decided_after >= again.tally.total
