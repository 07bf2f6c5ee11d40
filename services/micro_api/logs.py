"""The log: one JSON object a line on standard output, always UTF-8, each line in one write.

`telemetry` writes a line for each request and gunicorn writes its own through `GunicornLogger`, so that all
of a pod's output has one shape. Does not import prometheus_client: `gunicorn_conf` needs this module first.
"""

import logging
import os
import time
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # gunicorn has no types

from .settings import Settings

_STDOUT_FILENO = 1
_EXCEPTION_TAIL_CHARACTERS = 2000
_LEVEL_NAMES = {level: name.lower() for name, level in logging.getLevelNamesMapping().items()}


@lru_cache(maxsize=128)  # the same few messages, methods and paths in nearly every line
def json_string(text: str) -> str:
    r"""Encode text as a JSON string that can neither end its line nor hide in it.

    Printable text stays readable, Chinese included. Text with anything else in it (line separators, bidi
    marks, lone surrogates) is written in `\u` escapes: some readers break lines at more than a newline.
    """
    return encode_basestring(text) if text.isprintable() else encode_basestring_ascii(text)


@lru_cache(maxsize=2)
def _date_and_time(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def exception_member(exception: str) -> str:
    """Write a traceback as a further member of a line; its end is kept.

    Args:
        exception: The traceback as Python formats it.

    Returns:
        The member as JSON, with the comma that goes before it.
    """
    return f',"exception":{json_string(exception[-_EXCEPTION_TAIL_CHARACTERS:])}'


class Log:
    """Writes lines that carry the service's version, release and pod."""

    def __init__(self, settings: Settings) -> None:
        """Render once what is the same in every line.

        Args:
            settings: Who speaks, and the least level that is written.
        """
        self._least_level = logging.getLevelNamesMapping()[settings.log_level.upper()]
        self._identity = (
            f'"version":{json_string(settings.version)},"release":{json_string(settings.release)},'
            f'"pod":{json_string(settings.pod)}'
        )

    def write(self, level: int, message: str, members: str) -> None:
        """Write one line, or nothing below the configured level.

        Args:
            level: As in `logging`.
            message: For people; any text.
            members: Further members of the object as JSON, such as `"status":200`: the caller writes them,
                since for a line that has the same ones each time a template is cheapest.
        """
        if level < self._least_level:
            return
        seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
        _write_line(
            f'{{"timestamp":"{_date_and_time(seconds)}.{milliseconds:03}Z","level":"{_LEVEL_NAMES[level]}",'
            f'"message":{json_string(message)},{self._identity},{members}}}\n'.encode()
        )


def _write_line(line: bytes) -> None:
    """Write a line past Python's streams, whose encoding and buffering depend on the environment.

    A line up to PIPE_BUF (4,096 bytes on Linux) is never mixed with those of other threads or workers.
    """
    try:
        while line:
            line = line[os.write(_STDOUT_FILENO, line) :]
    except OSError:
        return  # a full disk or a closed pipe costs the log line, not the answer


class GunicornHandler(logging.Handler):
    """Turns gunicorn's records into the service's log lines."""

    def __init__(self, log: Log) -> None:
        """Write by `log`."""
        super().__init__()
        self._log = log
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record with its logger's name, and its traceback where it has one."""
        members = f'"logger":{json_string(record.name)}'
        if record.exc_info:
            members += exception_member(self._formatter.formatException(record.exc_info))
        self._log.write(record.levelno, record.getMessage(), members)


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's logger, with its stream replaced; named in `gunicorn_conf`."""

    # Any: the configuration object of a library without types.
    def setup(self, cfg: Any) -> None:  # noqa: ANN401
        """Set up as gunicorn does at start and at each reload, then write JSON instead of text.

        Args:
            cfg: gunicorn's configuration.
        """
        super().setup(cfg)
        self.error_log.handlers[:] = [GunicornHandler(Log(Settings.from_env()))]
