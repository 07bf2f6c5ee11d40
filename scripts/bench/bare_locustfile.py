"""The least that Locust can do: the requests of the load test over the same kinds of connection, without the judging.

The class is chosen by its name on Locust's command line.
"""

import sys
from typing import Final

from locust import FastHttpUser, constant, task

from canary_loadtest.runner.client import ANSWERS_PER_CONNECTION

KEEP: Final = {"Accept-Encoding": "identity"}
CLOSE: Final = KEEP | {"Connection": "close"}


class BareUser(FastHttpUser):
    """Repeats the contract's one request.

    Attributes:
        answers_per_connection: number of requests after which the user asks for the end of a connection.
    """

    abstract = True
    wait_time = constant(0)
    concurrency = 1
    answers_per_connection = 1
    asked = 0

    @task
    def ask(self) -> None:
        """Send one request."""
        self.asked += 1
        is_last = self.asked % self.answers_per_connection == 0
        self.client.get("/test/test", headers=CLOSE if is_last else KEEP)


class OneRequestUser(BareUser):
    """Uses a new connection for each request."""


class RenewingUser(BareUser):
    """Renews its connection as often as the load test does."""

    answers_per_connection = ANSWERS_PER_CONNECTION


class KeepAliveUser(BareUser):
    """Never renews its connection."""

    answers_per_connection = sys.maxsize
