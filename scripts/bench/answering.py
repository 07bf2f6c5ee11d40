"""A cheap server for measuring clients: answers of the contract over raw sockets, in one thread.

Three answers of each ten come from the canary, shuffled within the ten, so that a load test never finds the split
wrong. A connection is closed when the request asks for it.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from selectors import EVENT_READ, DefaultSelector
from typing import Final

from canary_loadtest.core.contract import CANARY_BODY, CONTENT_TYPE, STABLE_BODY

RECEIVE_BYTES: Final = 65536
SEED: Final = 9


def _http(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def split_answers(seed: int = SEED) -> Iterator[bytes]:
    """Yield HTTP answers without end: three of each ten are from the canary."""
    random = Random(seed)  # noqa: S311 - traffic, not a secret
    block = [_http(CANARY_BODY)] * 3 + [_http(STABLE_BODY)] * 7
    while True:
        random.shuffle(block)
        yield from block


def serve(listener: socket.socket, answered: Callable[[], None]) -> None:
    """Serve until the process is ended.

    Args:
        listener: a listening socket.
        answered: called for each answer, before it is sent.
    """
    answers = split_answers()
    listener.settimeout(0)
    with DefaultSelector() as selector:
        selector.register(listener, EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    with suppress(BlockingIOError):
                        while True:
                            connection, _ = listener.accept()
                            selector.register(connection, EVENT_READ, connection)
                elif not _answer(key.data, answers, answered):
                    selector.unregister(key.data)
                    key.data.close()


def _answer(connection: socket.socket, answers: Iterator[bytes], answered: Callable[[], None]) -> bool:
    """Answer a request, and return whether the connection stays open.

    A request of the clients measured here fits into one segment: it is either complete or not there.
    """
    try:
        request = connection.recv(RECEIVE_BYTES)
        if not request:
            return False
        answered()
        connection.sendall(next(answers))
    except OSError:
        return False
    return b"connection: close" not in request.lower()
