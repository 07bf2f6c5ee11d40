"""The public workflow runs the README's commands, on what the project says that it supports."""

import re
from typing import Any

from tests.support.repository import resource, text_of, versions

PATH = ".github/workflows/ci.yml"


def jobs() -> dict[str, Any]:
    """Return the workflow's jobs."""
    return dict(resource(PATH)["jobs"])


def commands(job: str) -> list[str]:
    """Return what a job runs."""
    return [step["run"] for step in jobs()[job]["steps"] if "run" in step]


def test_every_supported_python_is_tried_on_linux_and_macos() -> None:
    """The matrix has the versions of versions.env, and 3.14, which no machine of our own has."""
    matrix = jobs()["test"]["strategy"]["matrix"]
    of = versions()
    first, last = (int(of[f"{name}_PYTHON_VERSION"].partition(".")[2]) for name in ("LEAST", "LATEST"))
    assert matrix["python"] == [f"3.{minor}" for minor in range(first, last + 1)]
    assert [re.sub(r"-.*", "", one) for one in matrix["os"]] == ["ubuntu", "macos"]
    assert [one["python"] for one in matrix["include"]] == [f"3.{last + 1}"]


def test_the_jobs_run_the_commands_of_the_readme() -> None:
    """The lab and the tests run on each, make e2e with the published image of the node: NODE_IMAGE is not set."""
    assert {"make test", "make lab"} <= set(commands("test"))
    assert {"make images", "make e2e"} <= set(commands("cluster"))
    assert "NODE_IMAGE" not in text_of(PATH)


def test_each_target_exists_and_each_job_ends() -> None:
    """What is run is in the Makefile, and no job waits without a limit."""
    made = text_of("Makefile")
    for name, job in jobs().items():
        assert job["timeout-minutes"] <= 60
        for command in commands(name):
            for target in re.findall(r"^make (\S+)$", command, re.MULTILINE):
                assert f"\n{target}:" in made
