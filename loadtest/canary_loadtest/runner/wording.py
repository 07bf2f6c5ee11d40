"""What to do next, in the load test's own options."""

from collections.abc import Mapping
from typing import Final

from canary_loadtest.core.message import Message
from canary_loadtest.core.verdict import NEXT_STEPS, Remedy

LIVE_NEXT_STEPS: Final[Mapping[Remedy, str]] = {
    **NEXT_STEPS,
    Remedy.SAMPLE_EACH_ANSWER: Message("measure without --keep-alive, so that each answer is an independent sample"),
    Remedy.FIND_ANSWERS: Message("check that the target is up, and allow more time (--run-time)"),
    Remedy.MORE_FOR_THE_CANARY: Message("run longer (--run-time), or ask for a smaller step (--next-weight)"),
    Remedy.MORE_ANSWERS: Message("run longer (--run-time), or allow a wider --tolerance"),
}
