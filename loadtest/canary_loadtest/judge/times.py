"""Moments and lengths of time as records and logs have them."""

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Final

NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{0,20})?")


def moment_of(value: object) -> float | None:
    """Return a moment in seconds since 1970, None for what is none.

    Args:
        value: a number of seconds, as a number or as text, or a date with a time (ISO 8601), perhaps in brackets. One
            without a distance from UTC is taken for UTC.
    """
    seconds = _number(value)
    if seconds is not None or not isinstance(value, str):
        return seconds
    try:
        moment = datetime.fromisoformat(value.strip("[]"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def seconds_of(value: object, parts_of_a_second: float = 1.0) -> float | None:
    """Return a length of time in seconds, None for what is none.

    Args:
        value: a number of 0 or more, as a number or as text.
        parts_of_a_second: how many of the value's units make a second: 1000 for milliseconds.
    """
    number = _number(value)
    return None if number is None or number < 0 else number / parts_of_a_second


def _number(value: object) -> float | None:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None
