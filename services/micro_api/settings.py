"""The configuration: a frozen value made once from environment variables, the only reader of them.

`gunicorn_conf` makes it before anything listens, `app.create_app` where nobody hands it one. One table says
what is allowed; the README shows the same table, and a test holds the two together.
"""

import os
import re
import socket
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # the mount itself; what is made below it is refused when foreign
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
RELEASE_CHARACTERS = 63  # a label's value in Kubernetes
SOCKET_PATH_BYTES = 103  # the smallest limit of the supported systems: macOS; Linux takes 107
HIGHEST_PORT = 65535


class SettingsError(ValueError):
    """One or more variables hold a value that is not allowed.

    Attributes:
        problems: One sentence for each, naming the variable, its value and what is allowed.
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep all problems, so that a person mends them in one go."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one process serves and how; see `VARIABLES` for the limits of each.

    Attributes:
        metrics_directory: Where workers share their metrics, or None with one worker.
    """

    version: str
    release: str
    pod: str
    bind: str
    workers: int
    threads: int
    graceful_timeout_seconds: int
    keepalive_seconds: int
    log_level: str
    error_ratio: float
    delay_seconds: float
    delay_jitter_seconds: float
    metrics_directory: Path | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check all variables.

        Args:
            environ: Variables by name; those that are not the service's are ignored.

        Returns:
            Settings in which every value is allowed.

        Raises:
            SettingsError: With all problems at once. A value that is set but empty is one: it is mostly a
                template's missing value, and a default in its place would serve the wrong version in silence.
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
        name: The variable.
        field: The attribute of `Settings` that it sets.
        default: The value when it is not set; None where it follows from other values.
        allowed: What it may be, to end the sentence "set it to ...".
        parse: Makes the attribute of the text; ValueError for what is not allowed.
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
        # The notation rules out nan, inf, signs and exponents: what float() takes is wider than what people mean.
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
    """Name a folder in memory that no other process of this machine uses: no two listen at the same address."""
    root = SHARED_MEMORY if SHARED_MEMORY.is_dir() else Path(tempfile.gettempdir())
    return root / ("micro_api-metrics-" + re.sub(r"[^A-Za-z0-9]+", "-", bind))


# No common prefix such as MICRO_API_: for a Service named micro-api Kubernetes sets MICRO_API_PORT=tcp://... and
# the like in each container, and a variable of ours would be overwritten by it.
VARIABLES = (
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
    # Longer than the hour after which a sidecar drops an idle connection to its own pod: the side that closes
    # second never sends a request into a connection that is being closed.
    Variable(
        "SERVICE_KEEPALIVE_SECONDS", "keepalive_seconds", "3700", "a whole number from 1 to 86400", _whole(1, 86400)
    ),
    Variable("SERVICE_LOG_LEVEL", "log_level", "info", "debug, info, warning, error or critical", _one_of(*LOG_LEVELS)),
    Variable("SERVICE_ERROR_RATIO", "error_ratio", "0", "a decimal number from 0 to 1", _decimal(1)),
    Variable("SERVICE_DELAY_SECONDS", "delay_seconds", "0", "a decimal number from 0 to 60", _decimal(60)),
    Variable(
        "SERVICE_DELAY_JITTER_SECONDS", "delay_jitter_seconds", "0", "a decimal number from 0 to 60", _decimal(60)
    ),
    Variable("PROMETHEUS_MULTIPROC_DIR", "metrics_directory", None, "an absolute path", _directory),
)
