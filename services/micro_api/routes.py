"""The endpoints and the error answers; `app` adds them to the application.

A view returns its answer and nothing more: headers, metrics and the log line are `telemetry`'s.
"""

import os
import traceback
from http import HTTPStatus
from pathlib import Path
from random import random  # the shared generator: seeded anew in each forked worker
from time import sleep
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from flask.globals import request_ctx
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed

from . import answers, faults, page
from .logs import exception_member
from .telemetry import LOG_MEMBERS, LOG_MESSAGE

if TYPE_CHECKING:
    from .metrics import Metrics
    from .settings import Settings

OPENAPI_DOCUMENT = Path(__file__).with_name("openapi.json")


def add_routes(app: Flask, settings: "Settings", metrics: "Metrics") -> None:
    """Add every endpoint and error handler to the application.

    Args:
        app: The application to extend.
        settings: Decides which answer `/test/test` gives, with which faults, and what readiness looks at.
        metrics: What `/metrics` shows.
    """
    views = _Views(settings, metrics)
    metrics.announce("GET", "/test/test", HTTPStatus.OK)
    # Chosen here, once: without faults a call does not pay for the question.
    app.add_url_rule("/test/test", view_func=views.test_or_fault if faults.are_configured(settings) else views.test)
    app.add_url_rule("/", view_func=views.page)
    app.add_url_rule("/healthz", view_func=views.healthz)
    app.add_url_rule("/readyz", view_func=views.readyz)
    app.add_url_rule("/metrics", view_func=views.metrics)
    app.add_url_rule("/openapi.json", view_func=views.openapi)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


class _Views:
    """The views of one application, with what they answer from."""

    def __init__(self, settings: "Settings", metrics: "Metrics") -> None:
        # One object for all requests, of all threads: Flask and werkzeug only read a response while they send
        # it, and what differs between answers is added by telemetry, on the way out.
        self._success = Response(answers.SUCCESS[settings.version], content_type=answers.CONTENT_TYPE)
        self._openapi = Response(OPENAPI_DOCUMENT.read_bytes(), content_type=answers.CONTENT_TYPE)
        self._page = Response(page.PAGE, headers=page.HEADERS, content_type=page.CONTENT_TYPE)
        self._settings = settings
        self._metrics = metrics

    def test(self) -> Response:
        """Answer the contract's one call; the only place where v1 and v2 differ."""
        request.environ[LOG_MESSAGE] = "测试接口被调用！"
        return self._success

    def test_or_fault(self) -> Response:
        """Answer as `test` does unless a fault is drawn; then the answer and its log line say which."""
        fault = faults.draw_fault(self._settings, random)
        if not fault.label:
            return self.test()
        request.environ[LOG_MEMBERS] = f',"fault":"{fault.label}"'
        sleep(fault.delay_seconds)
        if fault.is_error:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            response = _answer(answers.CODE_SYSTEM_ERROR, answers.MESSAGE_SYSTEM_ERROR, status)
        else:
            response = Response(self.test().data, content_type=answers.CONTENT_TYPE)
        response.headers["x-fault"] = fault.label
        return response

    def page(self) -> Response:
        """Show the split to people; the same page for v1 and v2."""
        return self._page

    def healthz(self) -> Response:
        """Say that the process answers: when this fails, a restart is the remedy."""
        return _answer(answers.CODE_OK, "alive", HTTPStatus.OK)

    def readyz(self) -> Response:
        """Say whether requests should come here: a restart would not mend what this finds, so liveness ignores it."""
        directory = self._settings.metrics_directory
        if directory is not None and not os.access(directory, os.W_OK | os.X_OK):
            reason = f"PROMETHEUS_MULTIPROC_DIR={directory} is missing or not writable: mount a writable folder"
            return _answer(answers.CODE_SYSTEM_ERROR, reason, HTTPStatus.SERVICE_UNAVAILABLE)
        return _answer(answers.CODE_OK, "ready", HTTPStatus.OK)

    def metrics(self) -> Response:
        """Show the metrics in the format that the client asks for."""
        body, content_type = self._metrics.render(request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    def openapi(self) -> Response:
        """Show what this service offers, for tools that read OpenAPI; the same document for v1 and v2."""
        return self._openapi


def _answer(code: int, message: str, status: int) -> Response:
    """Make a body without data; anything but a success leaves its message in the log line too."""
    if code != answers.CODE_OK:
        request.environ[LOG_MESSAGE] = message
    return Response(answers.encode(code=code, message=message), status=status, content_type=answers.CONTENT_TYPE)


def _http_error(error: HTTPException) -> Response:
    """Give what Flask refuses the contract's shape, with the status and the headers that HTTP wants."""
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if isinstance(error, MethodNotAllowed):
        _take_rule_of_path(error)
        code, message = answers.CODE_BAD_REQUEST, answers.method_not_allowed_message(request.method)
    elif isinstance(error, BadRequest):
        code, message = answers.CODE_BAD_REQUEST, answers.MESSAGE_BAD_REQUEST
    elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
        code, message = answers.CODE_HTTP_ERROR, answers.MESSAGE_HTTP_ERROR
    else:
        code, message = answers.CODE_SYSTEM_ERROR, answers.MESSAGE_SYSTEM_ERROR
    response = _answer(code, message, status)
    response.headers.extend([(name, value) for name, value in error.get_headers() if name != "Content-Type"])
    return response


def _take_rule_of_path(error: MethodNotAllowed) -> None:
    """Give a request with a wrong method the rule that its path has, so that it is counted under that route."""
    adapter = request_ctx.url_adapter
    if request.url_rule is None and adapter is not None and error.valid_methods:
        request.url_rule, _ = adapter.match(method=next(iter(error.valid_methods)), return_rule=True)


def _unexpected_error(error: Exception) -> Response:
    """Answer a fault of our own without a word of it to the client; the log line has the traceback."""
    request.environ[LOG_MEMBERS] = exception_member("".join(traceback.format_exception(error)))
    return _answer(answers.CODE_SYSTEM_ERROR, answers.MESSAGE_SYSTEM_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR)
