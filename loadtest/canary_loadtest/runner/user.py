"""The Locust user that asks for one answer after another and has each one counted.

Subclass it in a locustfile of your own to test another service, as `canary_loadtest.locustfile` does for micro-api.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import ClassVar, cast
from urllib.parse import urlsplit

from gevent import GreenletExit
from gevent.timeout import Timeout
from geventhttpclient.header import Headers
from locust import FastHttpUser, constant, task
from locust.contrib.fasthttp import ResponseContextManager
from locust.env import Environment
from locust.exception import StopTest, StopUser
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_SPAWNING, Runner

from canary_loadtest.core import contract
from canary_loadtest.core.answer import ROUTE_HEADER, Answer
from canary_loadtest.core.labels import (
    ABANDONED,
    CLIENT_ERROR,
    TIMEOUT,
    VERSIONS,
    RowNames,
)
from canary_loadtest.options import destinations_of, headers_of, slowness_of, versions_of
from canary_loadtest.runner.client import OneAttemptPool
from canary_loadtest.runner.failures import KINDS, cause_of, label_of, label_of_broken_body
from canary_loadtest.runner.listeners import options_of, run_of
from canary_loadtest.runner.response import PlainFailureResponse
from canary_loadtest.runner.target import TargetError, base_address


class ClassifierError(Exception):
    """A classifier that gives no label: the measurement can only end."""


class CanaryUser(FastHttpUser):
    """A client that asks for one answer after another and hands each to the judge.

    Attributes:
        path: what is asked for.
        classify: returns the label of an answer; replace it for a service with another contract.
        row_names: what the table calls the two versions; replace it with `classify`.
        keep_cookies: whether a user sends back cookies; a cookie can pin a user to one version.
        insecure: whether an https certificate that cannot be verified is accepted; `--insecure` sets it.
        timeout_seconds: how long an answer may take from the connection to its last byte; all later answers wait for it
            too, to be judged in order.
    """

    path = "/test/test"
    classify: ClassVar[Callable[[int, Mapping[str, str], bytes], str]] = staticmethod(contract.classify)
    row_names: ClassVar[RowNames] = contract.ROW_NAMES
    keep_cookies = False
    insecure = False
    timeout_seconds = 10.0

    abstract = True
    wait_time = constant(0)

    def __init__(self, environment: Environment) -> None:
        """Prepare the request that this user sends over and over."""
        options = options_of(environment)
        if self.host is not None:
            try:
                self.host = base_address(self.host)
            except TargetError as error:
                raise StopTest(str(error)) from None
        if self.ssl_context_factory is not None:
            # The client would switch the check of names on or off in the class's own context.
            self.insecure = not self.ssl_context_factory().check_hostname
        elif options.insecure:
            self.insecure = True
        super().__init__(environment)
        agent = self.client.client
        agent.max_retries = 0
        agent.response_type = PlainFailureResponse  # type: ignore[misc]
        # Locust's own pool has the options that it read from the class.
        client_options = {**agent.clientpool.client_args, "ssl_options": _ssl_options(options)}
        self.canary_run = run_of(environment)
        pacer = self.canary_run.pacer if options.max_rate else None
        self.sockets = agent.clientpool = OneAttemptPool(client_options, keep_alive=options.keep_alive, pacer=pacer)
        if not self.keep_cookies:
            agent.cookiejar = None  # without a jar none are kept, and none are looked for
        self.headers = headers_of(options) | {"Accept-Encoding": "identity"}
        if not options.keep_alive:
            self.headers["Connection"] = "close"
        if options.host_header:
            self.headers["Host"] = options.host_header
        self.destinations = destinations_of(options)
        self.versions = versions_of(options)
        self.compares_latency = slowness_of(options) is not None
        self.runner = cast("Runner", environment.runner)
        self._connection = 0
        self._previous = ""

    @task
    def ask(self) -> None:
        """Send one request, and hand over its answer."""
        # Before the request has its place in the order, and before its time begins.
        late_seconds = self.sockets.await_turn()
        if self.canary_run.stopping or self.runner.state == STATE_CLEANUP:
            return  # the run ends, and this user is about to be ended: its request would not be counted
        answers = self.canary_run.answers
        ticket = answers.start()
        label, seconds = CLIENT_ERROR, None
        route = destination = ""
        try:
            with Timeout(self.timeout_seconds):
                sent = self.client.get(self.path, headers=self.headers, allow_redirects=False, catch_response=True)
            with sent as response:
                label = self.label(response)
                route = route_of(response.headers)
                destination = self.destinations.of(response.headers or {})
                seconds = response.request_meta["response_time"] / 1000
                response.request_meta["name"] = f"{self.path} {label}"
                if label in VERSIONS:
                    response.success()
                else:
                    response.failure(self._cause(response) or label)
        except GreenletExit:
            # Locust takes this user away. While the test goes on, all later answers would wait for this one for ever;
            # at its end a request under way is not counted.
            if self.runner.state in {STATE_SPAWNING, STATE_RUNNING}:
                answers.finish(ticket, Answer(ABANDONED))
                self.canary_run.answer_counted(answers)
            raise
        except ClassifierError as error:
            answers.finish(ticket, Answer(label))
            self.canary_run.fail(str(error))
            raise StopUser from None
        except Exception:
            answers.finish(ticket, Answer(label))
            self.canary_run.answer_counted(answers)
            raise
        answer = Answer(label, route, destination=destination)
        if self.compares_latency:
            scheduled_seconds = None if late_seconds is None else seconds + late_seconds
            answer = answer._replace(seconds=seconds, scheduled_seconds=scheduled_seconds)
        answers.finish(ticket, answer._replace(previous=self._previous_to(answer)))
        self.canary_run.answer_counted(answers)

    def _previous_to(self, answer: Answer) -> str | None:
        """Return what was drawn before this answer on its connection, and remember this one."""
        if not self.sockets.keep_alive:
            return None
        previous = self._previous if self.sockets.connections == self._connection else ""
        self._connection, self._previous = self.sockets.connections, answer.drawn
        return previous

    def _cause(self, response: ResponseContextManager) -> str:
        """Return what Locust's statistics show as the cause of a failed request, "" where an answer came."""
        cause = cause_of(response.request_meta["exception"])
        if cause is None or response.status_code >= 400:
            return ""
        return f"no whole answer in {cause.seconds:g} s" if isinstance(cause, Timeout) else repr(cause)

    def label(self, response: ResponseContextManager) -> str:
        """Return the label of a response, or of the lack of one."""
        broken = response.request_meta["exception"]
        status = response.status_code
        if broken is not None and status == 0:
            return label_of(cause_of(broken))
        if broken is not None and (status < 400 or isinstance(broken, KINDS[TIMEOUT])):
            # The status and even the bytes so far may be right: only the exception shows that the rest never came.
            return label_of_broken_body(cause_of(broken))
        # A header that came twice is a list here, which equals no value that a classifier expects.
        headers = cast("Mapping[str, str]", response.headers or {})
        try:
            label = type(self).classify(status, headers, response.content or b"")
        except (Exception, SystemExit) as error:  # an exit code of the classifier's own could read as a verdict
            raise ClassifierError(f"classify raised {error!r} for an answer with status {status}") from error
        if not isinstance(label, str) or not label:
            raise ClassifierError(f"classify returned {label!r} and no label for an answer with status {status}")
        return label if self.versions is None else self.versions.relabelled(label, headers)


def _ssl_options(options: argparse.Namespace) -> dict[str, str]:
    """Return which certificates an https server may have, and for which name, where that is not the address's."""
    ssl_options = {}
    if options.ca_file:
        ssl_options["ca_certs"] = options.ca_file
    if options.host_header:
        ssl_options["server_hostname"] = urlsplit(f"//{options.host_header}").hostname or options.host_header
    return ssl_options


def route_of(headers: Headers | None) -> str:
    """Return the route that an answer names, "" for none."""
    route = "" if headers is None else headers.get(ROUTE_HEADER, "")
    return route if isinstance(route, str) else ", ".join(route)
