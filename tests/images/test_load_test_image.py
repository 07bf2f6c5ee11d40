"""The image of the load test: Locust's own command line, confined, whose exit code is the verdict."""

import docker
import pytest

from tests.images.containers import LOAD_TEST, TIMEOUT_SECONDS, VERSIONS, container, exit_code, output
from tests.support.processes import wait_until

pytestmark = pytest.mark.docker


def test_without_arguments_it_explains_itself(engine: docker.DockerClient) -> None:
    """No web interface opens by accident: the help with the project's own options is shown."""
    with container(engine, LOAD_TEST) as ended:
        assert exit_code(ended) == 0
        assert "--expect-canary" in output(ended)


@pytest.mark.parametrize(("canary", "stable", "expected"), [(600, 1400, 0), (500, 500, 10), (3, 7, 11)])
def test_it_judges(engine: docker.DockerClient, canary: int, stable: int, expected: int) -> None:
    """The judge is in the image too, and its verdict is the exit code."""
    counts = ["--canary", str(canary), "--stable", str(stable), "--other", "0"]
    command = ["-m", "canary_loadtest", "judge", "--expect-canary", "30", *counts]
    with container(engine, LOAD_TEST, *command, entrypoint="python") as ended:
        assert exit_code(ended) == expected


def test_sigterm_still_gets_a_report(engine: docker.DockerClient) -> None:
    """Locust is process 1: SIGTERM ends the run with INCONCLUSIVE, said and as exit code."""
    target = ["--host", "http://127.0.0.1:9", "--expect-canary", "30"]
    with container(engine, LOAD_TEST, "--headless", "-u", "1", *target) as running:
        assert wait_until(lambda: "All users spawned" in output(running), TIMEOUT_SECONDS), output(running)
        running.kill("SIGTERM")
        assert exit_code(running) == 11
        assert "verdict:  INCONCLUSIVE" in output(running)


def test_it_runs_as_nobody_in_particular(engine: docker.DockerClient) -> None:
    """The user is a number, and the labels name title, version and licence."""
    image = engine.images.get(LOAD_TEST)
    assert image.attrs["Config"]["User"] == "10001:10001"
    shown = [image.labels[f"org.opencontainers.image.{name}"] for name in ("title", "version", "licenses")]
    assert shown == ["canary-loadtest", VERSIONS["LOADTEST_VERSION"], "MIT"]
