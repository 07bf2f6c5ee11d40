"""What holds for every test.

A skipped one is a failure, Ctrl-C works, hypothesis is repeatable and not timed, and the language is none of a user's.
"""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

# make, git, kubectl and bash speak the user's language, and sort by it; the tests read what they say. A machine without
# C.UTF-8 takes C.
for name in [name for name in os.environ if name.startswith("LC_") or name in {"LANG", "LANGUAGE"}]:
    del os.environ[name]
os.environ["LANG"] = "C.UTF-8"

# Where Python is told to keep no bytecode, each of the thousand programs that tests start would compile the project.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell without job control has what it starts with `&` ignore Ctrl-C, and all children inherit that: also those that
# a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the browser tests unread where they are not to run: Playwright is not one of `make test`'s packages."""
    is_browser = collection_path == Path(__file__).parent / "browser"
    wanted = config.getoption("markexpr")
    return True if is_browser and ("browser" not in wanted or "not browser" in wanted) else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which anything was skipped: a check that did not run is not a check that passed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("skipped tests count as failures", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
