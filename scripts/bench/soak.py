"""A million answers through the real load test in one run, to see that its memory does not grow with them."""

import time

from scripts.bench.budget import Budget
from scripts.bench.load_test import KEEP_ALIVE, answering_server, locust
from scripts.bench.page import Section, Table, number

LOOKS = 10
POLL_SECONDS = 0.05

METHOD = """\
The load test with keep-alive against the fast server, told to go on whatever the verdict; its resident memory is read
each time another tenth of the answers has come, the first time right after the start."""


def measure(budget: Budget) -> Section:
    """Run until so many answers have come, or the time is up."""
    rows = []
    started = time.monotonic()
    with answering_server() as server, locust(KEEP_ALIVE, server) as load_test:
        for look in range(LOOKS + 1):
            goal = budget.soak_answers * look // LOOKS
            while server.answered < goal and time.monotonic() - started < budget.soak_seconds:
                time.sleep(POLL_SECONDS)
            seconds = time.monotonic() - started
            rows.append((number(server.answered), f"{seconds:.0f}", f"{load_test.memory_mb():.1f}"))
            if server.answered < goal:
                break
    answers = int(rows[-1][0].replace(",", ""))
    notes = [f"Growth from the first tenth to the end: {float(rows[-1][2]) - float(rows[1][2]):+.1f} MB."]
    if answers < budget.soak_answers:
        notes.append(f"The time was up after {answers:,} of {budget.soak_answers:,} answers.")
    return Section("The soak", METHOD, [Table(("answers", "seconds", "resident memory MB"), rows)], notes)
