"""A server that costs little, for measuring clients: answers of the contract from raw sockets, in one thread.

`load_test` and `soak` run it in a process and on a core of its own. It closes a connection when it is asked to, and
sends canary to three requests of ten, shuffled in blocks of ten, so that no load test ever finds the split wrong.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from selectors import EVENT_READ, DefaultSelector

from canary_loadtest.core.contract import CANARY_BODY, CONTENT_TYPE, STABLE_BODY

RECEIVE_BYTES = 65536
SEED = 9


def _http(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def split_answers(seed: int = SEED) -> Iterator[bytes]:
    """Yield whole HTTP answers without end: three canary of each ten."""
    random = Random(seed)  # noqa: S311 - a draw for traffic, not for a secret
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
    """Answer the request that has come, and say whether the connection is to stay open.

    A request of the clients measured here fits into one segment, so that it is either whole or not there.
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
