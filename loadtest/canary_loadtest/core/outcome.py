"""The three outcomes of a measurement, and the exit code of each."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """What the counts prove."""

    CONFIRMED = "CONFIRMED"
    REFUTED = "REFUTED"
    INCONCLUSIVE = "INCONCLUSIVE"


# Locust itself ends with 1, wrong usage with 2, signals with 128 and more.
EXIT_CODES: Final[Mapping[Outcome, int]] = {Outcome.CONFIRMED: 0, Outcome.REFUTED: 10, Outcome.INCONCLUSIVE: 11}
EXIT_CODE_HELP: Final = (
    "exit codes: " + ", ".join(f"{code} {outcome}" for outcome, code in EXIT_CODES.items()) + ";\n"
    "any other code means that there is no verdict"
)
