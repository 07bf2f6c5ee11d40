"""The values that are a learner's own: the same name has the same ones on every machine, and they can be graded."""

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")
HIDDEN_PERCENTS: Final = (30, 50)
# Far enough from 0 % that the load test's tolerance is its usual 5 points, and no weight of a file under istio/.
OWN_PERCENTS: Final = tuple(percent for percent in range(12, 39) if percent % 10)


def hidden_percent(name: str, attempt: int) -> int:
    """Return the canary's hidden share in percent.

    Args:
        name: the learner's name.
        attempt: how often the step was started, from 1: a new start is a new game.
    """
    return chosen(HIDDEN_PERCENTS, name, f"hidden split {attempt}")


def own_percent(name: str) -> int:
    """Return the canary's weight in percent that a learner is to serve."""
    return chosen(OWN_PERCENTS, name, "own weight")


def chosen(values: Sequence[T], name: str, purpose: str) -> T:
    """Return the value that is a learner's own.

    Args:
        values: what there is to choose from.
        name: the learner's name.
        purpose: what the value is for: another purpose, another choice.
    """
    # A Mac writes an accent as a letter of its own.
    same = unicodedata.normalize("NFC", " ".join(name.split())).casefold()
    digest = hashlib.sha256(f"{purpose}\n{same}".encode()).digest()
    return values[int.from_bytes(digest[:8]) % len(values)]
