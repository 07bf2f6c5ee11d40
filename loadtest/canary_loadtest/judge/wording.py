"""What to do next, in the judge's own options."""

from collections.abc import Mapping
from typing import Final

from canary_loadtest.core.message import Message
from canary_loadtest.core.verdict import NEXT_STEPS, Remedy

ADD_SENT: Final = Message("pass the number of requests that were sent (--sent N)")
ADD_SENT_OR_COMPLETE: Final = Message(
    "{add_sent}, or --complete if the record has a line for every request", add_sent=ADD_SENT
)
CHECK_SENT: Final = Message("check --sent, and that the answers are those of one run")
CHECK_SENT_OR_COMPLETE: Final = Message(
    "check that the record is of one run; if so, the tool did not count requests that were "
    "under way at its end: pass --complete in place of --sent"
)
GIVE_TIMES: Final = Message("record the times of every answer, or compare the errors alone (without --max-slowdown)")

JUDGE_NEXT_STEPS: Final[Mapping[Remedy, str]] = {
    **NEXT_STEPS,
    Remedy.COUNT_REQUESTS: ADD_SENT,
    Remedy.FIND_ANSWERS: Message("check that there are answers, and that --format is their form"),
    Remedy.MORE_FOR_THE_CANARY: Message("judge more answers, or ask for a smaller step (--next-weight)"),
    Remedy.MORE_ANSWERS: Message("judge more answers, or allow a wider --tolerance"),
}
