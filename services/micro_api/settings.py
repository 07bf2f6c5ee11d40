"""The configuration, read once from environment variables and checked. README.md has the same table of variables."""

import os
import re
import socket
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the mount; a folder below it that belongs to another user is refused
LOG_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
RELEASE_CHARACTERS: Final = 63  # a label's value in Kubernetes
SOCKET_PATH_BYTES: Final = 103  # the smallest limit of the supported systems: macOS; Linux takes 107
HIGHEST_PORT: Final = 65535


class SettingsError(ValueError):
    """One or more variables have a value that is not allowed.

    Attributes:
        problems: a sentence for each, with the variable, its value and what is allowed.
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep all problems, so that they can be fixed together."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process; `VARIABLES` has the limits of each.

    Attributes:
        metrics_directory: the folder where workers share their metrics; None with one worker.
    """

    version: str
    release: str
    pod: str
    bind: str
    workers: int
    threads: int
    graceful_timeout_seconds: int
    keepalive_seconds: int
    receive_timeout_seconds: int
    log_level: str
    error_ratio: float
    delay_seconds: float
    delay_jitter_seconds: float
    metrics_directory: Path | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check all variables.

        Args:
            environ: variables by name; those of other programs are ignored.

        Returns:
            Settings in which every value is allowed.

        Raises:
            SettingsError: all problems together. An empty value is one: it usually comes from a template without a
                value, and a default would silently serve the wrong version.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for variable in VARIABLES:
            value = environ.get(variable.name, variable.default)
            try:
                values[variable.field] = None if value is None else variable.parse(value)
            except ValueError:
                problems.append(f"{variable.name}={value!r} is not allowed: set it to {variable.allowed}")
        if problems:
            raise SettingsError(problems)
        if values["workers"] == 1:
            values["metrics_directory"] = None  # one process needs none: its metrics are in its own memory
        elif values["metrics_directory"] is None:
            values["metrics_directory"] = _default_metrics_directory(values["bind"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Variable:
    """A row of the table of environment variables.

    Attributes:
        name: the variable.
        field: the attribute of `Settings` that it sets.
        default: the value when it is not set; None if it follows from other values.
        allowed: the allowed values, as the end of the sentence "set it to ...".
        parse: converts the text; raises ValueError for what is not allowed.
    """

    name: str
    field: str
    default: str | None
    allowed: str
    parse: Callable[[str], object]


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError
        return value

    return parse


def _matching(pattern: str) -> Callable[[str], str]:
    expression = re.compile(pattern)

    def parse(value: str) -> str:
        if not expression.fullmatch(value):
            raise ValueError
        return value

    return parse


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,6}", value) or not least <= int(value) <= most:
            raise ValueError
        return int(value)

    return parse


def _decimal(most: int) -> Callable[[str], float]:
    def parse(value: str) -> float:
        # Excludes nan, inf, signs and exponents, which float() accepts.
        if not re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", value) or not float(value) <= most:
            raise ValueError
        return float(value)

    return parse


def _release(value: str) -> str:
    if not 1 <= len(value) <= RELEASE_CHARACTERS or not value.isprintable():
        raise ValueError
    return value


def _bind(value: str) -> str:
    kind, _, path = value.partition(":")
    if kind == "unix":
        if not path.startswith("/") or not path.isprintable() or len(path.encode()) > SOCKET_PATH_BYTES:
            raise ValueError
        return value
    address = re.fullmatch(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", value)
    if not address or int(address[1]) > HIGHEST_PORT:
        raise ValueError
    return value


def _directory(value: str) -> Path:
    if not value.startswith("/") or not value.isprintable():
        raise ValueError
    return Path(value)


def _default_metrics_directory(bind: str) -> Path:
    """Return a folder in memory that no other process uses: two processes cannot listen at the same address."""
    root = SHARED_MEMORY if SHARED_MEMORY.is_dir() else Path(tempfile.gettempdir())
    return root / ("micro_api-metrics-" + re.sub(r"[^A-Za-z0-9]+", "-", bind))


# No common prefix such as MICRO_API_: for a Service named micro-api, Kubernetes sets MICRO_API_PORT=tcp://... and
# similar variables in each container, and would overwrite ours.
VARIABLES: Final = (
    Variable("SERVICE_VERSION", "version", "v1", "v1 or v2", _one_of("v1", "v2")),
    Variable("SERVICE_RELEASE", "release", "dev", f"1 to {RELEASE_CHARACTERS} printable characters", _release),
    Variable(
        "POD_NAME", "pod", socket.gethostname(), "1 to 253 of A-Z a-z 0-9 . _ -", _matching(r"[A-Za-z0-9._-]{1,253}")
    ),
    Variable(
        "SERVICE_BIND",
        "bind",
        "0.0.0.0:9090",
        f"HOST:PORT, [IPV6]:PORT or unix:/PATH with at most {SOCKET_PATH_BYTES} bytes in the path",
        _bind,
    ),
    Variable("WEB_CONCURRENCY", "workers", "1", "a whole number from 1 to 64", _whole(1, 64)),
    Variable("SERVICE_THREADS", "threads", "8", "a whole number from 1 to 256", _whole(1, 256)),
    Variable(
        "SERVICE_GRACEFUL_TIMEOUT_SECONDS",
        "graceful_timeout_seconds",
        "20",
        "a whole number from 1 to 3600",
        _whole(1, 3600),
    ),
    # Longer than the hour after which a sidecar closes an idle connection to its pod: the side that closes second never
    # sends a request into a connection that is being closed.
    Variable(
        "SERVICE_KEEPALIVE_SECONDS", "keepalive_seconds", "3700", "a whole number from 1 to 86400", _whole(1, 86400)
    ),
    Variable(
        "SERVICE_RECEIVE_TIMEOUT_SECONDS",
        "receive_timeout_seconds",
        "10",
        "a whole number from 1 to 3600",
        _whole(1, 3600),
    ),
    Variable("SERVICE_LOG_LEVEL", "log_level", "info", "debug, info, warning, error or critical", _one_of(*LOG_LEVELS)),
    Variable("SERVICE_ERROR_RATIO", "error_ratio", "0", "a decimal number from 0 to 1", _decimal(1)),
    Variable("SERVICE_DELAY_SECONDS", "delay_seconds", "0", "a decimal number from 0 to 60", _decimal(60)),
    Variable(
        "SERVICE_DELAY_JITTER_SECONDS", "delay_jitter_seconds", "0", "a decimal number from 0 to 60", _decimal(60)
    ),
    Variable("PROMETHEUS_MULTIPROC_DIR", "metrics_directory", None, "an absolute path", _directory),
)
