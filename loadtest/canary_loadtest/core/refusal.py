"""The error of a measurement that cannot be made as it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager


class ExpectationError(ValueError):
    """An expectation that cannot be tested; the message names the value and what is allowed."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Refuse JSON in which the block does not find what it reads.

    Args:
        what: what the JSON should have, such as "the counts of a release".

    Raises:
        ExpectationError: a member is missing or has another type; one that the block raises itself stays.
    """
    try:
        yield
    except ExpectationError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExpectationError(f"it does not have {what}") from error


def check_format(found: object, known: int) -> None:
    """Refuse what was written in another format.

    Raises:
        ExpectationError: the number of the format is not the known one.
    """
    if found != known:
        raise ExpectationError(f"its format is {found}, and not {known}")
