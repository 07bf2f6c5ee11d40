"""The three outcomes of a measurement, and all exit codes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """What the counts prove."""

    CONFIRMED = "CONFIRMED"
    REFUTED = "REFUTED"
    INCONCLUSIVE = "INCONCLUSIVE"


EXIT_CODES: Final[Mapping[Outcome, int]] = {Outcome.CONFIRMED: 0, Outcome.REFUTED: 10, Outcome.INCONCLUSIVE: 11}
# There is no verdict. Locust itself ends with 1, too, and signals with 128 and more.
EXIT_NOT_WRITTEN: Final = 1
EXIT_NO_VERDICT: Final = 2  # wrong usage, or a fault of the locustfile
EXIT_INTERRUPTED: Final = 130
EXIT_CODE_HELP: Final = (
    "exit codes: " + ", ".join(f"{code} {outcome}" for outcome, code in EXIT_CODES.items()) + ";\n"
    "any other code means that there is no verdict"
)
