"""Servers that misbehave on purpose: handlers for the test server, without chance.

`test_hard_to_fool` says what the load test must report of each.
"""

import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from canary_loadtest.core.answer import DESTINATION_HEADER
from canary_loadtest.core.labels import CANARY, STABLE
from tests.loadtest.server import Reply, Request, answer, http
from tests.loadtest.traffic import Handler, held_after, split, tens


def always(label: str, raw: bytes, *, close: bool = False) -> Handler:
    """Return a handler that sends the same bytes each time."""
    return lambda _: Reply(label, raw, close=close)


def reset(request: Request) -> Reply:
    """Answer a request by a reset of its connection."""
    at_once = struct.pack("ii", 1, 0)  # lingering for 0 s: what is closed is reset
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    return Reply("connection_reset", b"")


def is_odd_to_every_fifth(odd: Handler) -> Handler:
    """Return a handler that is odd to every fifth request, and answers the others by exactly 30 % canary."""
    right = split(3)

    def reply(request: Request) -> Reply:
        block, place = divmod(request.number, 5)
        return odd(request) if place == 4 else right(replace(request, number=4 * block + place))

    return reply


def loses_canary(lost: int, of: int, odd: Handler, canary_of_ten: int) -> Handler:
    """Return a handler that gives `lost` of each `of` requests for the canary to another handler."""
    draw = tens(canary_of_ten)
    drawn = 0

    def reply(request: Request) -> Reply:
        nonlocal drawn
        if draw(request.number) == STABLE:
            return answer(STABLE)
        drawn += 1
        return odd(request) if drawn % of < lost else answer(CANARY)

    return reply


def answers_later(slow: str, milliseconds: float, canary_of_ten: int = 3) -> Handler:
    """Return a handler that gives one version's answers so much later, while it gives others."""
    draw = tens(canary_of_ten)

    def reply(request: Request) -> Reply:
        version = draw(request.number)
        if version != slow:
            return answer(version)
        gate = threading.Event()
        threading.Timer(milliseconds / 1000, gate.set).start()
        return replace(answer(version), gate=gate)

    return reply


BY_ROLE = (DESTINATION_HEADER, {CANARY: CANARY, STABLE: STABLE})


def fails_by_name(  # noqa: PLR0913 - each call gives one or two of the rest
    failing: str,
    of: int,
    lost: Reply | None = None,
    *,
    named_as: tuple[str, Mapping[str, str]] = BY_ROLE,
    fails: int = 1,
    canary_of_ten: int = 3,
) -> Handler:
    """Return a handler that names the destination of each request, and fails some of those for one version.

    Args:
        failing: the version that fails; the first ones of each `of` requests that are for it.
        of: of how many requests for it some fail.
        lost: what is sent in place of an answer; None for a 503 that names its destination.
        named_as: the header that names the destination, and its value for each version.
        fails: how many of each `of` fail.
        canary_of_ten: how many of ten requests are for the canary.
    """
    draw = tens(canary_of_ten)
    drawn = 0
    header, values = named_as

    def reply(request: Request) -> Reply:
        nonlocal drawn
        label = draw(request.number)
        named = {header.replace("-", "_"): values[label]}
        if label != failing:
            return answer(label, **named)
        drawn += 1
        if (drawn - 1) % of >= fails:
            return answer(label, **named)
        return lost or Reply("status_503", http(b"", "503 Service Unavailable", "text/plain", **named))

    return reply


def answers_canary_by(reply: bytes) -> Handler:
    """Return a handler whose canary answers are these bytes."""
    label = tens(3)
    return lambda request: Reply(CANARY, reply) if label(request.number) == CANARY else answer(STABLE)


def closes_unannounced() -> Handler:
    """Return a handler that closes the connection after each right answer."""
    right = split(3)
    return lambda request: replace(right(request), close=True)


def changes_share(*canary_of_ten: int, after: int, routes: tuple[str, ...] = ()) -> Handler:
    """Return a handler whose share changes after each `after` requests, and stays at the last one.

    Args:
        canary_of_ten: the shares, one after another.
        after: how many requests each lasts.
        routes: the routes that the answers name, one for each share; none by default.
    """
    steps = [tens(share) for share in canary_of_ten]

    def reply(request: Request) -> Reply:
        step = min(request.number // after, len(steps) - 1)
        named = {"x_canary_route": routes[step]} if routes else {}
        return answer(steps[step](request.number), **named)

    return reply


def leaks(wrong: str) -> Handler:
    """Return a handler that answers every 200th request by the version that should get none."""
    right = STABLE if wrong == CANARY else CANARY
    return lambda request: answer(wrong if request.number % 200 == 199 else right)


def answers_canary_as_v1() -> Handler:
    """Return a handler to whose v2 20 % are routed, and whose v1 gives the canary's answer to every eighth other."""
    draw = tens(2)
    by_v1 = 0

    def reply(request: Request) -> Reply:
        nonlocal by_v1
        if draw(request.number) == CANARY:
            return answer(CANARY, x_service_version="v2")
        by_v1 += 1
        if by_v1 % 8:
            return answer(STABLE, x_service_version="v1")
        return replace(answer(CANARY, x_service_version="v1"), label="version_mismatch")

    return reply


def pins_connections() -> Handler:
    """Return a handler that draws once for each connection."""
    label = tens(3)
    return lambda request: answer(label(request.connection_number))


def drips(raw: bytes, at_once: int, pause_seconds: float = 0.1) -> Handler:
    """Return a handler that sends a few bytes at once, and each further one after a pause."""

    def drip(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(raw[:at_once])
            for byte in raw[at_once:]:
                time.sleep(pause_seconds)
                connection.sendall(bytes([byte]))

    def reply(request: Request) -> Reply:
        threading.Thread(target=drip, args=(request.connection,), daemon=True).start()
        return Reply("timeout", b"", gate=threading.Event())

    return reply


def shed() -> Handler:
    """Return a handler that turns requests away."""
    return always("status_503", http(b"", "503 Service Unavailable", "text/plain"))


def never_answers() -> Handler:
    """Return a handler that takes requests and answers none."""
    return held_after(0, split(3))
