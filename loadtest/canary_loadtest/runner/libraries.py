"""The versions of Locust and its HTTP client that the load test works with, checked before anything is imported.

One request must be one attempt, and there is no public switch for that (see `client`): with another version, tomorrow's
too, the counts could be wrong without a sign of it.
"""

import os
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from canary_loadtest.core.outcome import EXIT_NO_VERDICT

# The oldest and the newest that are tested.
VERSIONS: Final[Mapping[str, tuple[str, str]]] = {
    "locust": ("2.44.0", "2.47.0"),
    "geventhttpclient": ("2.6.1", "2.6.1"),
}
# It counts nothing, so that a newer one does no harm. The oldest is tested; pip knows which ones are allowed.
METRICS_LIBRARY: Final = "prometheus-client"
METRICS_VERSIONS: Final = ">=0.20.0,<1"


def complaint(name: str, found: str) -> str:
    """Return what is wrong with a version of a library, "" for nothing.

    Args:
        name: a library of `VERSIONS`.
        found: its version.
    """
    oldest, newest = VERSIONS[name]
    if _numbers(oldest) <= _numbers(found) <= _numbers(newest):
        return ""
    right = newest if oldest == newest else f"{oldest} to {newest}"
    return f"{name} {found} is not a version that this load test is tested with: install {right}"


def check() -> None:
    """End the process with exit code 2 and a line where a library is missing, or of another version."""
    for name in (*VERSIONS, METRICS_LIBRARY):
        try:
            found = version(name)
            problem = complaint(name, found) if name in VERSIONS else ""
        except PackageNotFoundError:
            problem = f"{name} is not installed: install the load test, or its requirements.txt"
        if problem:
            print(f"load test: {problem}", file=sys.stderr, flush=True)
            if "gevent" in sys.modules:
                # Its cleanup prints a traceback where the import of a locustfile ends the process.
                os._exit(EXIT_NO_VERDICT)
            sys.exit(EXIT_NO_VERDICT)


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
