"""`guess`: a hidden split, a bet on it, and the load test's verdict on the bet.

The earlier traffic state comes back at the end, also after Ctrl-C.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from canary_loadtest.core.message import Message
from scripts import REPOSITORY
from scripts.lab import control
from scripts.lab.entries import request, watch
from scripts.lab.errors import LabError, UsageError
from scripts.lab.measure import PATH, Target, run
from scripts.lab.processes import INTERRUPTIONS
from scripts.lab.show import HOST_HEADER, served_routes
from scripts.lab.split import virtual_service
from scripts.lab.state import LabFolder
from scripts.lab.terminal import percent_of, told, wrapped
from scripts.proxy.served import taking

# A split near 0 or 100 % would show itself in the first tiles.
LEAST_PERCENT: Final = 5
MOST_PERCENT: Final = 95
ROUTE_NAME: Final = "guess"
BESIDES: Final = ("gateway.yaml", "destination-rule.yaml")


def guess(options: argparse.Namespace) -> int:
    """Shift to a hidden split, take a bet on it, have the load test judge the bet, and tell the truth.

    Returns:
        The load test's exit code: 0 if it confirmed the bet, 10 if it refuted it, 11 if it could not decide.
    """
    if options.bet is None and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for a bet: give it with --bet PERCENT")
    # No secret depends on it; a seed makes a split that a class can have at the same time.
    canary_percent = random.Random(options.seed).randint(LEAST_PERCENT, MOST_PERCENT)  # noqa: S311 - a game
    state = control.running(options.dir)
    with _hidden_split(options.dir, canary_percent), tempfile.TemporaryDirectory(prefix="lab-guess-") as folder:
        _print(
            Message(
                "The lab has drawn a split from {least} to {most} % for v2, and serves it now.",
                least=LEAST_PERCENT,
                most=MOST_PERCENT,
            )
        )
        _print(f"{watch(state.page_url)}\n{request(HOST_HEADER, state.url + PATH)}")
        bet = _asked() if options.bet is None else options.bet
        _print(Message("The load test takes your bet, {bet:g} % for v2, as the expected share:", bet=bet))
        verdict = Path(folder) / "verdict.json"
        target = Target(state.url, HOST_HEADER, bet, ROUTE_NAME)
        code = run(target, ["--only-split", *options.load_test], ["--verdict-json", str(verdict)])
        _print(_truth(canary_percent, bet, json.loads(verdict.read_text("utf-8")) if verdict.exists() else None))
    return code


@contextmanager
def _hidden_split(folder: LabFolder, canary_percent: int) -> Iterator[None]:
    """Serve a split under a name that does not show it, and the earlier traffic state again at the end."""
    for number in INTERRUPTIONS:
        signal.signal(number, signal.default_int_handler)
    before = folder.read_traffic_state()
    file = folder.path / "guess.yaml"
    file.write_text(virtual_service(canary_percent, ROUTE_NAME), encoding="utf-8")
    try:
        control.shift(folder, [str(file), *(str(REPOSITORY / "istio" / name) for name in BESIDES)])
        route = taking(served_routes(control.running(folder).admin_url), HOST_HEADER, PATH, {})
        if route is None or route.name != ROUTE_NAME:
            raise LabError(
                Message("another route of the lab's traffic state takes the requests: start a lab without --state")
            )
        yield
    finally:
        # The way back is short; a second Ctrl-C would leave it half done.
        for number in INTERRUPTIONS:
            signal.signal(number, signal.SIG_IGN)
        file.unlink(missing_ok=True)
        control.restore(folder, before)
        _print(Message("The earlier traffic state is served again."))


def _asked() -> float:
    """Return the bet that a person types."""
    while True:
        try:
            text = input(told(Message("Your bet: how many percent of the answers come from v2? ")))
        except EOFError:
            raise UsageError(Message("no bet was given")) from None
        if (percent := percent_of(text)) is not None:
            return percent
        _print(Message("{text!r} is not a percentage from 0 to 100.", text=text))


def _truth(canary_percent: int, bet: float, verdict: dict[str, Any] | None) -> str:
    """Return who was right, and after how many answers the load test knew.

    Args:
        canary_percent: the split that was served.
        bet: the share that was tested.
        verdict: the load test's verdict file, None where it wrote none.
    """
    off = abs(bet - canary_percent)
    distance = (
        Message("your bet of {bet:g} % is {off:g} point{_s} off", bet=bet, off=off, _s="" if off == 1 else "s")
        if off
        else Message("your bet of {bet:g} % is exact", bet=bet)
    )
    truth = Message(
        "The truth: v1 {stable_percent} %, v2 {canary_percent} %; {distance}.",
        stable_percent=100 - canary_percent,
        canary_percent=canary_percent,
        distance=distance,
    )
    if verdict is None:
        return Message("{truth}\nThe load test gave no verdict.", truth=truth)
    outcome, count = verdict["verdict"], verdict["decided_after"]
    tolerance = verdict["expected"]["tolerance_points"]
    if outcome == "INCONCLUSIVE":
        return Message("{truth}\nThe load test could not decide.", truth=truth)
    knew = Message("The load test {outcome} it after {count} answers", outcome=outcome, count=count)
    is_right = (off < tolerance) if outcome == "CONFIRMED" else off > 0
    if not is_right:
        bound = "--alpha" if outcome == "CONFIRMED" else "--alpha-stop"
        return Message(
            "{truth}\n{knew}, which is wrong: that is chance, as often as {bound} allows.",
            truth=truth,
            knew=knew,
            bound=bound,
        )
    if outcome == "REFUTED":
        return Message("{truth}\n{knew}, and is right.", truth=truth, knew=knew)
    return Message(
        "{truth}\n{knew}: you were right, to less than {tolerance:g} points.",
        truth=truth,
        knew=knew,
        tolerance=tolerance,
    )


def _print(text: str) -> None:
    print(wrapped(text), flush=True)
