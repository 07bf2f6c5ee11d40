"""Labs for tests: one for a whole module, reset before each test, and one for a single test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.lab import control
from scripts.lab.state import LabFolder
from scripts.lab.translation import translate
from scripts.lab.translation.manifests import Manifests
from tests.lab.helpers import STATES, CommandLine, RunningLab


@contextmanager
def running_lab(path: Path, replicas: int) -> Iterator[RunningLab]:
    """Run a lab in a folder until the block ends; nothing of it may be left."""
    command_line = CommandLine()
    try:
        started = command_line.run("up", "--dir", path, "--replicas", str(replicas))
        assert started.returncode == 0, started.stderr
        yield RunningLab(LabFolder(path), command_line)
        control.down(LabFolder(path))
        assert command_line.processes() == []
    finally:
        command_line.kill_all()


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Give the lab of a module, with one replica of each version."""
    with running_lab(tmp_path_factory.mktemp("lab"), replicas=1) as lab:
        yield lab


@pytest.fixture
def lab(module_lab: RunningLab) -> RunningLab:
    """Give the module's lab, reset to 70/30. Its processes must stay alive."""
    control.shift(module_lab.folder, STATES)
    return module_lab


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[RunningLab]:
    """Give a lab whose processes the test may kill, with two replicas of each version."""
    with running_lab(tmp_path / "lab", replicas=2) as lab:
        yield lab


@pytest.fixture
def command_line() -> Iterator[Callable[..., CommandLine]]:
    """Give a function that makes command lines with variables of their environment; none may leave a process."""
    made: list[CommandLine] = []

    def make(**environment: str) -> CommandLine:
        made.append(CommandLine(environment))
        return made[-1]

    yield make
    left_behind = [process for line in made for process in line.processes()]
    for line in made:
        line.kill_all()
    assert left_behind == []


@pytest.fixture
def random_value_header(monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the request header that holds the number which Envoy else samples, so that a test can send each number."""
    name = "x-random-value"
    route_configuration = translate.route_configuration

    def with_header(manifests: Manifests, namespace: str = "default") -> dict[str, Any]:
        made = route_configuration(manifests, namespace)
        actions = (route["route"] for host in made["virtual_hosts"] for route in host["routes"])
        for action in actions:
            if "weighted_clusters" in action:
                action["weighted_clusters"]["header_name"] = name
        return made

    monkeypatch.setattr(translate, "route_configuration", with_header)
    return name
