"""The endpoints and the error answers.

A view returns its answer and may add fields to its log line; `telemetry` does the rest: headers, metrics, the line.
"""

import os
import traceback
from http import HTTPStatus
from pathlib import Path
from random import random  # the shared generator: each forked worker seeds its own
from time import sleep
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, request
from flask.globals import request_ctx
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed

from . import answers, faults, page
from .logs import exception_tail
from .telemetry import LOG_RECORD

if TYPE_CHECKING:
    from .metrics import Metrics
    from .settings import Settings

OPENAPI_DOCUMENT: Final = Path(__file__).with_name("openapi.json")

HEADERS: Final = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
"""Of every JSON answer: one that a cache repeats would be counted as the choice of a version."""


def add_routes(app: Flask, settings: "Settings", metrics: "Metrics") -> None:
    """Add every endpoint and error handler to the application.

    Args:
        app: the application to extend.
        settings: the version and the faults of `/test/test`, and the folder that readiness checks.
        metrics: what `/metrics` shows.
    """
    views = _Views(settings, metrics)
    metrics.announce("GET", "/test/test", HTTPStatus.OK)
    # Chosen once: without faults a call does not even check for them.
    app.add_url_rule("/test/test", view_func=views.test_or_fault if faults.are_configured(settings) else views.test)
    app.add_url_rule("/", view_func=views.page)
    app.add_url_rule("/healthz", view_func=views.healthz)
    app.add_url_rule("/readyz", view_func=views.readyz)
    app.add_url_rule("/metrics", view_func=views.metrics)
    app.add_url_rule("/openapi.json", view_func=views.openapi)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


class _Views:
    """The views of one application."""

    def __init__(self, settings: "Settings", metrics: "Metrics") -> None:
        # One object for all requests of all threads, since nothing here changes a response that it sends:
        # README.md, "Prepared answers".
        self._success = _json(answers.SUCCESS[settings.version])
        self._openapi = _json(OPENAPI_DOCUMENT.read_bytes())
        self._page = Response(page.PAGE, headers=page.HEADERS, content_type=page.CONTENT_TYPE)
        self._settings = settings
        self._metrics = metrics

    def test(self) -> Response:
        """Answer the contract's one call; v1 and v2 differ in this answer only."""
        _log(message="测试接口被调用！")
        return self._success

    def test_or_fault(self) -> Response:
        """Answer as `test` does, except for the calls with a fault, which the answer and its log line name."""
        fault = faults.draw_fault(self._settings, random)
        if not fault.label:
            return self.test()
        _log(fault=fault.label)
        sleep(fault.delay_seconds)
        if fault.is_error:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            response = _answer(answers.CODE_SYSTEM_ERROR, answers.MESSAGE_SYSTEM_ERROR, status)
        else:
            response = _json(self.test().data)
        response.headers["x-fault"] = fault.label
        return response

    def page(self) -> Response:
        """Return the page for people; the same for v1 and v2."""
        return self._page

    def healthz(self) -> Response:
        """Return that the process is alive: if this fails, a restart helps."""
        return _answer(answers.CODE_OK, "alive", HTTPStatus.OK)

    def readyz(self) -> Response:
        """Return whether requests should come here: a restart would not fix what this finds, so liveness ignores it."""
        directory = self._settings.metrics_directory
        if directory is not None and not os.access(directory, os.W_OK | os.X_OK):
            reason = f"PROMETHEUS_MULTIPROC_DIR={directory} is missing or not writable: mount a writable folder"
            return _answer(answers.CODE_SYSTEM_ERROR, reason, HTTPStatus.SERVICE_UNAVAILABLE)
        return _answer(answers.CODE_OK, "ready", HTTPStatus.OK)

    def metrics(self) -> Response:
        """Return the metrics in the format that the client asks for."""
        body, content_type = self._metrics.render(request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    def openapi(self) -> Response:
        """Return the OpenAPI document; the same for v1 and v2."""
        return self._openapi


def _log(**fields: str) -> None:
    """Add fields to the log line of this request."""
    request.environ.setdefault(LOG_RECORD, {}).update(fields)


def _answer(code: int, message: str, status: int) -> Response:
    """Return an answer without data; the message of an error is in the log line too."""
    if code != answers.CODE_OK:
        _log(message=message)
    return _json(answers.encode(code=code, message=message), status)


def _json(body: bytes, status: int = HTTPStatus.OK) -> Response:
    return Response(body, status=status, headers=HEADERS, content_type=answers.CONTENT_TYPE)


def _http_error(error: HTTPException) -> Response:
    """Return Flask's refusal in the contract's form, with the status and the headers that HTTP requires."""
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
    """Set the rule of the path on a request with a wrong method, so that it is counted under that route."""
    adapter = request_ctx.url_adapter
    if request.url_rule is None and adapter is not None and error.valid_methods:
        request.url_rule, _ = adapter.match(method=next(iter(error.valid_methods)), return_rule=True)


def _unexpected_error(error: Exception) -> Response:
    """Return a generic 500; the traceback goes to the log only."""
    _log(exception=exception_tail("".join(traceback.format_exception(error))))
    return _answer(answers.CODE_SYSTEM_ERROR, answers.MESSAGE_SYSTEM_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR)
