"""The Locust user that asks for the contract's answer and hands every answer to the judge.

`locustfile` makes it concrete; subclass it the same way in a locustfile of your own to test another service.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, cast

from gevent.timeout import Timeout
from geventhttpclient.header import Headers
from locust import FastHttpUser, constant, task
from locust.contrib.fasthttp import ResponseContextManager
from locust.env import Environment
from locust.runners import STATE_CLEANUP, Runner

from canary_loadtest.core.contract import CANARY, STABLE, classify
from canary_loadtest.core.tally import NOT_KEPT, ROUTE_HEADER, Answer
from canary_loadtest.runner.client import OneAttemptPool
from canary_loadtest.runner.listeners import options_of, run_of


class CanaryUser(FastHttpUser):
    """A client that asks for one answer after another and hands each to the judge.

    Attributes:
        path: what is asked for.
        classify: what an answer counts as; replace it for a service with another contract.
        keep_cookies: whether a user sends back cookies; a cookie can pin a user to one version.
        timeout_seconds: how long to wait for an answer; all later answers wait for it too, to be judged in order.
    """

    path = "/test/test"
    classify: ClassVar[Callable[[int, Mapping[str, str], bytes], str]] = staticmethod(classify)
    keep_cookies = False
    timeout_seconds = 10.0

    abstract = True
    wait_time = constant(0)

    def __init__(self, environment: Environment) -> None:
        """Prepare the request that this user sends over and over."""
        options = options_of(environment)
        self.sockets = OneAttemptPool(keep_alive=options.keep_alive, timeout_seconds=self.timeout_seconds)
        self.client_pool = self.sockets
        super().__init__(environment)
        if not self.keep_cookies:
            self.client.client.cookiejar = None  # without a jar none are kept, and none are looked for
        self.headers = {"Accept-Encoding": "identity"}
        if not options.keep_alive:
            self.headers["Connection"] = "close"
        if options.host_header:
            self.headers["Host"] = options.host_header
        self.canary_run = run_of(environment)
        self.runner = cast("Runner", environment.runner)
        self._connection = 0
        self._previous = ""

    @task
    def ask(self) -> None:
        """Send one request, and hand over what its answer is."""
        if self.runner.state == STATE_CLEANUP:
            return  # the run ends, and this user is about to be ended: what it asked now nobody would count
        counter = self.canary_run.counter
        ticket = counter.start()
        label = "client_error"
        route = ""
        try:
            with self.client.get(
                self.path, headers=self.headers, allow_redirects=False, catch_response=True
            ) as response:
                label = self.label(response)
                route = route_of(response.headers)
                response.request_meta["name"] = f"{self.path} {label}"
                if label in {CANARY, STABLE}:
                    response.success()
                else:
                    response.failure(label)
        except Exception:
            counter.finish(ticket, Answer(label))
            raise
        counter.finish(ticket, Answer(label, route, self._previous_to(label)))
        self.canary_run.answer_counted(counter)

    def _previous_to(self, label: str) -> str:
        """Return what the answer before this one on its connection was, and remember this one."""
        if not self.sockets.keep_alive:
            return NOT_KEPT
        previous = self._previous if self.sockets.connections == self._connection else ""
        self._connection, self._previous = self.sockets.connections, label
        return previous

    def label(self, response: ResponseContextManager) -> str:
        """Return what a response, or the lack of one, counts as."""
        broken = response.request_meta["exception"]
        status = response.status_code
        if status == 0:
            # The client wraps the errors that it would retry, were it allowed to.
            cause = getattr(broken, "original", broken)
            return "timeout" if isinstance(cause, (TimeoutError, Timeout)) else "connection_error"
        if broken is not None and status < 400:
            # The status and even the bytes so far may be right: only the exception tells that the rest never came.
            return "truncated_body"
        # A header that came twice is a list here, which equals no value that a classifier expects.
        headers = cast("Mapping[str, str]", response.headers or {})
        return type(self).classify(status, headers, response.content or b"")


def route_of(headers: Headers | None) -> str:
    """Return the route that an answer names, "" for none."""
    route = "" if headers is None else headers.get(ROUTE_HEADER, "")
    return route if isinstance(route, str) else ", ".join(route)
