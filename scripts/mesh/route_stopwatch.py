"""How long a change of the routes takes until all threads of the proxy serve it.

The stopwatch runs the command that makes the change, and sends requests before, during and after it, each on a new
connection. The clock starts with the command. It stops with the first answer by the new routes that only such answers
follow for a second: one answer by the new route does not prove that every thread of the proxy has it.
"""

import http
import http.client
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from scripts.proxy.route_names import ROUTE_HEADER

HOLD_SECONDS: Final = 1.0
HOLD_ANSWERS: Final = 20
SETTLE_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.005
HINTS: Final = {
    503: "a subset without a destination rule (istio/destination-rule.yaml), or a version without a ready pod:\n"
    "  scripts/mesh/show-envoy.sh shows what the gateway has",
    404: "no route matches this Host, or it is not bound to the gateway: istioctl analyze",
}


@dataclass(frozen=True)
class Answer:
    """One answer: when it was asked for and when it came, in seconds of one clock, and by which route."""

    asked: float
    came: float
    route: str


def settled(answers: Sequence[Answer], wanted: Collection[str]) -> Answer | None:
    """Return the first answer of the last unbroken run by the wanted routes, once that run is long enough.

    Args:
        answers: all answers so far, in the order in which they were asked for.
        wanted: the names of the new routes.

    Returns:
        None while the run is shorter than a second or 20 answers.
    """
    run: list[Answer] = []
    for answer in reversed(answers):
        if answer.route not in wanted:
            break
        run.append(answer)
    if len(run) < HOLD_ANSWERS or run[0].asked - run[-1].asked < HOLD_SECONDS:
        return None
    return run[-1]


def ask(url: str, host_header: str) -> str:
    """Return the name of the route by which a new connection's answer came, or what came instead of a name.

    An answer with a status that is not 200 has the status behind the name, such as `70-30 (status 503)`: the route is
    served, and leads nowhere.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", parts.path or "/", headers={"Host": host_header, "Connection": "close"})
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    name = response.getheader(ROUTE_HEADER)
    if name is None:
        return f"no route (status {response.status})"
    return name if response.status == http.HTTPStatus.OK else f"{name} (status {response.status})"


class FailedError(Exception):
    """The routes were not served in time, or the command failed; `str()` says which of the two."""


def measure(
    command: Sequence[str], one_answer: Callable[[], str], wanted: Collection[str]
) -> tuple[float, list[Answer]]:
    """Run a command, and ask until its change is served for good.

    Args:
        command: what changes the routes.
        one_answer: asks once, and returns the name of the answer's route.
        wanted: the names of the new routes.

    Returns:
        The seconds from the command's start to the first answer of those that stayed, and all answers.

    Raises:
        FailedError: the command ended with an error, or the routes did not settle within 30 seconds after it.
    """
    answers = [_answer(one_answer)]
    start = time.monotonic()
    deadline = start + SETTLE_SECONDS
    with subprocess.Popen(command) as process:  # noqa: S603 - the caller's own command, without a shell
        while True:
            answers.append(_answer(one_answer))
            code = process.poll()
            if code:
                raise FailedError(f"the command ended with exit code {code}")
            first = settled(answers, wanted)
            if code == 0 and first:
                return max(0.0, first.came - start), answers
            if time.monotonic() > deadline:
                process.kill()
                last = _counts(answers[-100:])
                raise FailedError(f"not served after {SETTLE_SECONDS:g} s; the last answers: {last}{_hint(last)}")
            time.sleep(PAUSE_SECONDS)


def _hint(counts: str) -> str:
    return next((f"\n  {status}: {hint}" for status, hint in HINTS.items() if f"status {status}" in counts), "")


def _answer(one_answer: Callable[[], str]) -> Answer:
    asked = time.monotonic()
    route = one_answer()
    return Answer(asked, time.monotonic(), route)


def _counts(answers: Sequence[Answer]) -> str:
    # In the order in which the routes first appeared: the old one before the new one.
    counts = Counter(answer.route for answer in answers)
    return ", ".join(f"{count} by {name}" for name, count in counts.items())


def report(seconds: float, answers: Sequence[Answer], wanted: Collection[str]) -> str:
    """Return the lines for people: how long the change took, and how many answers came by each route."""
    routes = ", ".join(sorted({name.partition(" (")[0] for name in wanted}))
    if all(answer.route in wanted for answer in answers):
        return f"# {routes}: served already before the command ({len(answers)} answers)"
    return f"# {routes}: served for good {seconds:.2f} s after the command began\n# the answers: {_counts(answers)}"
