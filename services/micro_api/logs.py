"""The log: one JSON object per line on standard output, always UTF-8, each line in one write.

gunicorn's own lines go through `GunicornLogger`, so that all output of a pod has the same form. Does not import
prometheus_client, which `gunicorn_conf` must configure first.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final

from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # gunicorn has no types

from .settings import Settings

_STDOUT_FILENO: Final = 1
_EXCEPTION_TAIL_CHARACTERS: Final = 2000
_LEVEL_NAMES: Final = {level: name.lower() for name, level in logging.getLevelNamesMapping().items()}


def json_string(text: str) -> str:
    r"""Encode text as a JSON string that cannot end its line or hide in it.

    Printable text stays readable, Chinese included. Text with other characters (line separators, bidirectional
    marks, lone surrogates) is written in `\u` escapes: some readers break lines not only at a newline.
    """
    return encode_basestring(text) if text.isprintable() else encode_basestring_ascii(text)


@lru_cache(maxsize=2)
def _date_and_time(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def exception_tail(exception: str) -> str:
    """Return the end of a formatted traceback, short enough for a log line."""
    return exception[-_EXCEPTION_TAIL_CHARACTERS:]


_ENCODERS: Final[Mapping[type, Callable[[Any], str]]] = {str: json_string, int: str, float: "{:.3f}".format}


def _members(fields: Mapping[str, str | float]) -> str:
    """Encode the members of a JSON object; a `float` gets three decimals."""
    return ",".join([f'"{name}":{_ENCODERS.get(type(value), json.dumps)(value)}' for name, value in fields.items()])


class Log:
    """Writes lines that name the service's version, release and pod."""

    def __init__(self, settings: Settings) -> None:
        """Encode once what is the same in every line.

        Args:
            settings: the version, the release and the pod to name, and the lowest level that is written.
        """
        self._least_level = logging.getLevelNamesMapping()[settings.log_level.upper()]
        self._identity = _members({"version": settings.version, "release": settings.release, "pod": settings.pod})

    def write(self, level: int, message: str, fields: Mapping[str, str | float]) -> None:
        """Write one line, or nothing below the configured level.

        Args:
            level: a level of `logging`.
            message: any text, for people.
            fields: further fields by name, in order; the names need no escaping in JSON.
        """
        if level < self._least_level:
            return
        seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
        _write_line(
            f'{{"timestamp":"{_date_and_time(seconds)}.{milliseconds:03}Z","level":"{_LEVEL_NAMES[level]}",'
            f'"message":{json_string(message)},{self._identity},{_members(fields)}}}\n'.encode()
        )


def _write_line(line: bytes) -> None:
    """Write a line without Python's streams, whose encoding and buffering depend on the environment.

    A line up to PIPE_BUF (4,096 bytes on Linux) is never mixed with lines of other threads or workers.
    """
    try:
        while line:
            line = line[os.write(_STDOUT_FILENO, line) :]
    except OSError:
        return  # with a full disk or a closed pipe the line is lost, and the request is still answered


class GunicornHandler(logging.Handler):
    """Writes gunicorn's records as the service's log lines."""

    def __init__(self, log: Log) -> None:
        """Write to `log`."""
        super().__init__()
        self._log = log
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record with its logger's name, and its traceback if it has one."""
        fields = {"logger": record.name}
        if record.exc_info:
            fields["exception"] = exception_tail(self._formatter.formatException(record.exc_info))
        self._log.write(record.levelno, record.getMessage(), fields)


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's logger, with the service's handler in place of its stream."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - of a library without types
        """Set up as gunicorn does at the start and at each reload, then replace text by JSON.

        Args:
            cfg: gunicorn's configuration.
        """
        super().setup(cfg)
        self.error_log.handlers[:] = [GunicornHandler(Log(Settings.from_env()))]
