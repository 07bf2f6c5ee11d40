"""Progress as the course's page shows it, and a server of it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from canary_loadtest.core.message import Message
from scripts.course.catalog import steps
from scripts.course.page.server import Server, listening
from scripts.course.rules.finding import Finding, cannot_tell, done, not_yet
from scripts.course.state import Attempt, CourseFolder, Progress

HOSTILE: Final = "<img src=x onerror=alert(1)></p><script>alert(2)</script>"
SAW: Final = Message(
    "Envoy's weights are v1 100 and v2 15, a sum of 115: v2 gets 13.0 %. v1 differs from what you are to serve."
)
LOOK: Final = Message('The part "Write the state" of the text, and your file .course/my-state.yaml.')
NOT_YET: Final = not_yet("sum", SAW, LOOK)
DONE: Final = done(Message("Envoy's weights are v1 85, v2 15, its answers say 85-15, and the load test CONFIRMED it."))
CANNOT_TELL: Final = cannot_tell(
    "no_lab", Message("no lab runs here."), Message("`reset` starts the step again, with a lab.")
)
FINDINGS: Final = (None, NOT_YET, DONE, CANNOT_TELL)
ALL: Final = steps()


def progress(number: int = 3, finding: Finding | None = None, *, minutes_ago: float = 0.5) -> Progress:
    """Return the progress of a learner who has done the steps before one, the last of them by `solve`.

    Args:
        number: that of the current step.
        finding: what its latest check reported, None for no check.
        minutes_ago: when it was started.
    """
    before = {step.name: Attempt(1, f"start-{step.number}", is_done=True) for step in ALL[: number - 1]}
    if before:
        last = ALL[number - 2].name
        before[last] = replace(before[last], is_solved=True)
    attempt = Attempt(1, "now", "http://127.0.0.1:18080", time.time() - 60 * minutes_ago, is_done=finding is DONE)
    if finding:
        attempt = replace(attempt, checks=2).with_finding(finding, time.time())
    return Progress("Ada", attempts=before).with_attempt(ALL[number - 1].name, attempt)


@contextmanager
def served(folder: CourseFolder) -> Iterator[Server]:
    """Serve the page of a folder until the end."""
    with listening(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
