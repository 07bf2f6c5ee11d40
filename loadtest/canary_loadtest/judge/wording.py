"""What to do next, in the judge's own options."""

from collections.abc import Mapping
from typing import Final

from canary_loadtest.core.verdict import NEXT_STEPS, Remedy

JUDGE_NEXT_STEPS: Final[Mapping[Remedy, str]] = {
    **NEXT_STEPS,
    Remedy.COUNT_REQUESTS: "pass the number of requests that were sent (--sent N)",
    Remedy.FIND_ANSWERS: "check that there are answers, and that --format is their form",
    Remedy.MORE_ANSWERS: "judge more answers, or allow a wider --tolerance",
}
