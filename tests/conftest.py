"""What holds for every test: a skipped one is a failure, and hypothesis is repeatable and not timed."""

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which anything was skipped: a check that did not run is not a check that passed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("skipped tests count as failures", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
