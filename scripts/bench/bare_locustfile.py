"""The least that Locust can be asked to do: what `load_test` measures the load test against.

The same requests over the same kinds of connection, without a look at the answer. The class is chosen by its name on
Locust's command line.
"""

import sys

from locust import FastHttpUser, constant, task

from canary_loadtest.runner.client import ANSWERS_PER_CONNECTION

KEEP = {"Accept-Encoding": "identity"}
CLOSE = KEEP | {"Connection": "close"}


class BareUser(FastHttpUser):
    """Asks for the contract's answer over and over.

    Attributes:
        answers_per_connection: how many requests a connection serves before the user asks for its end.
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
    """Asks on a new connection each time."""


class RenewingUser(BareUser):
    """Keeps a connection for as many answers as the load test does."""

    answers_per_connection = ANSWERS_PER_CONNECTION


class KeepAliveUser(BareUser):
    """Keeps its connection for as long as it runs."""

    answers_per_connection = sys.maxsize
