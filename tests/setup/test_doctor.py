"""`make doctor` names what is missing, with a remedy, and fails only for what the lab needs."""

import ast
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.setup.doctor import (
    MISSING,
    OK,
    OLD,
    WARNING,
    Check,
    assignments,
    check_python,
    check_tool,
    compared,
    numbers,
    published_ports,
)
from tests.support.processes import executable, run
from tests.support.repository import ROOT


def doctor(path: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with `path` as the only place to find programs in."""
    return run(sys.executable, "-m", "scripts.setup.doctor", environment={"PATH": str(path), **environment})


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("Docker Compose version v2.26.1-4", (2, 26, 1)),
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", (0, 13, 1)),
        ("kind v0.33.0 go1.26.8 linux/amd64", (0, 33, 0)),
        ("Client Version: v1.36.4\nKustomize Version: v5.8.1", (1, 36, 4)),
        ("client version: 1.32.0-dev.20260827", (1, 32, 0)),
        ("GNU Make 3.81\nCopyright (C) 2006", (3, 81)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("no number at all", None),
    ],
)
def test_versions_are_read_as_the_tools_print_them(printed: str, version: tuple[int, ...] | None) -> None:
    """The first version in a tool's output is its own."""
    assert numbers(printed) == version


@pytest.mark.parametrize(
    ("script", "status", "shown"),
    [
        ("echo kind v0.33.0", OK, "  ok       kind 0.33.0"),
        ("echo kind v0.100.1", OK, "  ok       kind 0.100.1"),
        ("echo kind v0.9.0", OLD, "  old      kind 0.9.0 (needed: 0.33 or newer)\n           get it"),
        ("echo kind", WARNING, "  warning  kind (unknown version)\n           0.33 or newer is needed"),
        ("echo no daemon >&2; exit 1", MISSING, "  missing  kind\n           no daemon. get it"),
    ],
)
def test_a_tool_is_judged_by_its_version(tmp_path: Path, script: str, status: str, shown: str) -> None:
    """Versions are compared as numbers; any finding but a good one says what to do, below it."""
    check = check_tool("kind", str(executable(tmp_path / "kind", f"#!/bin/sh\n{script}\n")), "0.33", "get it")
    assert (check.status, str(check)) == (status, shown)


@pytest.mark.parametrize(
    ("name", "found", "run_with", "status"),
    [
        ("istioctl", "1.32.1", "1.32", OK),
        ("istioctl", "1.33.0", "1.32", OK),
        ("istioctl", "1.31.4", "1.32", WARNING),
        ("kind", "0.31.0", "0.33", WARNING),
        ("kubectl", "1.37.2", "1.36.4", OK),
        ("kubectl", "1.38.0", "1.36.4", WARNING),
        ("kubectl", "1.35.9", "1.36.4", WARNING),
    ],
)
def test_a_version_that_was_not_run_is_a_warning(name: str, found: str, run_with: str, status: str) -> None:
    """An older one that has all that is used may do, and so may a kubectl far from its server: neither is refused."""
    check = compared(Check(OK, f"{name} {found}"), name, run_with)
    assert check.status == status
    assert ("it may do" in check.remedy) == (status == WARNING)
    old = Check(OLD, f"{name} 0.1", "get it")
    assert compared(old, name, run_with) == old


@pytest.mark.parametrize(
    ("found", "absent", "status", "remedy"),
    [
        ((3, 14), [], OK, ""),
        ((3, 9), [], OLD, "make doctor PYTHON=/path/to/python3.11"),
        ((3, 11), ["ensurepip"], MISSING, "apt install python3.11-venv"),
    ],
)
def test_python_is_judged_with_its_modules(found: tuple[int, int], absent: list[str], status: str, remedy: str) -> None:
    """A Python that is too old and one without python3-venv have different remedies."""
    check = check_python(found, absent, "3.11")
    assert check.status == status
    assert remedy in check.remedy


@pytest.mark.parametrize(
    ("environment", "ports"),
    [
        ({}, {"LAB_PORT": 18080, "LAB_PROMETHEUS_PORT": 19091}),
        ({"LAB_PORT": "5000"}, {"LAB_PORT": 5000, "LAB_PROMETHEUS_PORT": 19091}),
        ({"LAB_PORT": "0", "LAB_PROMETHEUS_PORT": "many"}, {}),
    ],
)
def test_the_ports_of_compose_are_those_of_the_file(environment: dict[str, str], ports: dict[str, int]) -> None:
    """The ports are read from docker-compose.yml, and variables change them."""
    assert published_ports((ROOT / "docker-compose.yml").read_text(encoding="utf-8"), environment) == ports


def test_the_oldest_python_is_the_one_that_make_asks_for() -> None:
    """The doctor, make and the package accept the same versions."""
    least = assignments((ROOT / "versions.env").read_text(encoding="utf-8"))["LEAST_PYTHON_VERSION"]
    refused = run("scripts/setup/python.sh", environment={"PYTHON": "/no/python"})
    assert f"Python {least} or newer is needed" in refused.stderr
    assert f'requires-python = ">={least}' in (ROOT / "loadtest" / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["doctor.py", "__init__.py"])
def test_an_old_python_can_read_it(name: str) -> None:
    """Python 3.8 can report that it is too old: nothing that it reads has a later syntax."""
    ast.parse((ROOT / "scripts" / "setup" / name).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_it_needs_nothing_that_pip_brings() -> None:
    """The standard library is enough: it runs before anything is installed."""
    code = "import sys; sys.path.insert(0, '.'); from scripts.setup import doctor; doctor.main()"
    done = run(sys.executable, "-I", "-S", "-c", code)
    assert done.returncode == 0, done.stderr


def test_a_machine_with_make_only_has_the_lab(tmp_path: Path) -> None:
    """Without Docker and kind the exit code is 0, each is listed as missing, and every line fits a terminal."""
    (tmp_path / "make").symlink_to(shutil.which("make") or "")
    done = doctor(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if line.startswith("  missing")] == [
        "docker engine",
        "docker compose",
        "docker buildx",
        "kind",
        "kubectl",
        "istioctl",
    ]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_machine_without_make_has_not(tmp_path: Path) -> None:
    """The exit code is 1 when the lab lacks something."""
    done = doctor(tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "  missing  make\n           apt install make" in done.stdout


def test_a_port_in_use_is_a_warning() -> None:
    """A port that a program listens on is reported with the variable that changes it; it may be the lab's own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = doctor(os.environ["PATH"], LAB_PORT=str(port))
    assert done.returncode == 0
    assert (
        f"  warning  port {port} of 127.0.0.1 is in use\n"
        "           unless this project uses it: export LAB_PORT=OTHER-PORT\n"
    ) in done.stdout
