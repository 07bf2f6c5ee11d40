"""Splits without chance for the test server: the draws are shuffled in blocks of ten, so that no look is far off."""

import threading
from collections.abc import Callable
from random import Random

from canary_loadtest.core.labels import CANARY, STABLE
from tests.loadtest.server import Reply, Request, answer

Handler = Callable[[Request], Reply]

HELD = "held"


def tens(canary_of_ten: int, seed: int = 8) -> Callable[[int], str]:
    """Return a function from a request's number to its label: `canary_of_ten` in each block of ten, shuffled."""
    random = Random(seed)
    labels: list[str] = []

    def label(number: int) -> str:
        while len(labels) <= number:
            block = [CANARY] * canary_of_ten + [STABLE] * (10 - canary_of_ten)
            random.shuffle(block)
            labels.extend(block)
        return labels[number]

    return label


def split(canary_of_ten: int, seed: int = 8, **headers: str) -> Handler:
    """Return a handler that answers by `tens`; keyword names become response headers."""
    label = tens(canary_of_ten, seed)
    return lambda request: answer(label(request.number), **headers)


def held_after(count: int, handler: Handler) -> Handler:
    """Answer `count` requests, and leave every further one without an answer.

    A user that waits for such an answer has taken all those before it.
    """

    def reply(request: Request) -> Reply:
        return handler(request) if request.number < count else Reply(HELD, b"", gate=threading.Event())

    return reply


class SlowVersion:
    """Answers of one version only when every user waits for one: the most that a slower version can lag behind."""

    def __init__(self, slow: str, users: int, seed: int) -> None:
        """Draw three canary of ten, and hold back the label `slow`."""
        self._slow, self._users = slow, users
        self._label = tens(3, seed)
        self._gate = threading.Event()
        self._waiting = 0

    def __call__(self, request: Request) -> Reply:
        """Return the reply; the server never asks for two at once."""
        reply = answer(self._label(request.number))
        if reply.label == self._slow:
            reply.gate = self._gate
            self._waiting += 1
            if self._waiting == self._users:
                self._gate.set()
                self._gate, self._waiting = threading.Event(), 0
        return reply
