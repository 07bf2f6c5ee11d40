"""`make doctor` calls each lack by its name, with a remedy that fits, and fails for those of the lab alone."""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.setup.diagnosis import (
    GIB,
    MISSING,
    OK,
    OLD,
    WARNING,
    Check,
    Engine,
    assignments,
    check_context,
    check_engine,
    check_port,
    check_python,
    check_room,
    check_tool,
    exit_code,
    host_ports,
    neighbour,
    numbers,
    published_ports,
)
from tests.support.repository import ROOT

TIMEOUT_SECONDS = 120
SOCKET = "unix:///var/run/docker.sock"


def doctor(path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing but `path` to find programs in."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.setup.doctor"],
        cwd=ROOT,
        env={"PATH": path, "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("Docker version 28.2.2, build e6534b4", (28, 2, 2)),
        ("Docker Compose version v2.26.1-4", (2, 26, 1)),
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", (0, 13, 1)),
        ("kind v0.33.0 go1.26.8 linux/amd64", (0, 33, 0)),
        ("Client Version: v1.34.4\nKustomize Version: v5.7.1", (1, 34, 4)),
        ("client version: 1.32.0-dev.20260827", (1, 32, 0)),
        ("GNU Make 3.81\nCopyright (C) 2006", (3, 81)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("no number at all", None),
    ],
)
def test_versions_as_the_tools_print_them(printed: str, version: tuple[int, ...] | None) -> None:
    """The first version in a tool's answer is its own, however it is dressed."""
    assert numbers(printed) == version


@pytest.mark.parametrize(
    ("printed", "least", "status"),
    [
        (None, "0.33", MISSING),
        ("kind v0.9.0", "0.33", OLD),
        ("kind v0.33.0", "0.33", OK),
        ("kind v0.100.1", "0.33", OK),
        ("kind v1.0", "0.33", OK),
        ("kind of unknown age", "0.33", WARNING),
    ],
)
def test_a_tool_is_judged_by_its_version(printed: str | None, least: str, status: str) -> None:
    """Versions are compared as numbers, and all but a good one comes with what to do."""
    check = check_tool("kind", printed, least)
    assert check.status == status
    assert bool(check.remedy) == (status != OK)


def test_an_old_tool_is_shown_with_both_versions() -> None:
    """A reader sees what is there, what is needed, and where it is to be had, on one line."""
    assert check_tool("kind", "kind v0.20.0 go1.20", "0.33").line(coloured=False) == (
        "  old      kind 0.20.0, needed is 0.33 or newer: "
        "install it: https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
    )


@pytest.mark.parametrize(
    ("found", "absent", "status", "remedy"),
    [
        ((3, 11), [], OK, ""),
        ((3, 14), [], OK, ""),
        ((3, 9), [], OLD, "make doctor PYTHON=/path/to/python3.11"),
        ((3, 11), ["ensurepip"], MISSING, "apt install python3.11-venv"),
    ],
)
def test_python_is_judged_with_its_modules(found: tuple[int, int], absent: list[str], status: str, remedy: str) -> None:
    """A Python that is too old, and a Debian's without python3-venv, are told apart."""
    check = check_python(found, absent, "3.11")
    assert check.status == status
    assert remedy in check.remedy


@pytest.mark.parametrize(
    ("host", "by_variable", "error", "others", "remedy"),
    [
        (SOCKET, False, "permission denied while trying to connect", [], "usermod -aG docker"),
        (SOCKET, False, "Cannot connect", [], "sudo systemctl start docker"),
        (SOCKET, False, "Cannot connect", ["unix:///run/user/1/docker.sock"], "DOCKER_HOST=unix:///run/user/1/docker"),
        ("unix:///home/me/.docker/run/docker.sock", False, "Cannot connect", [], "start Docker Desktop"),
        ("unix:///run/user/1/docker.sock", False, "Cannot connect", [], "systemctl --user start docker"),
        ("unix:///run/user/1/podman/podman.sock", False, "Cannot connect", [], "start podman.socket"),
        ("tcp://10.0.0.1:2376", True, "Cannot connect", [], "unset DOCKER_HOST"),
        ("ssh://far", False, "no route to host", [], "no route to host"),
    ],
)
def test_an_engine_that_does_not_answer(
    *, host: str, by_variable: bool, error: str, others: list[str], remedy: str
) -> None:
    """Each kind of engine is started in its own way, and a socket that may not be used is no dead engine."""
    check = check_engine(Engine(host, by_variable, {}, {}, error, others), "20.10")
    assert check.status == MISSING
    assert host in check.what
    assert remedy in check.remedy


@pytest.mark.parametrize(
    ("version", "info", "status", "part"),
    [
        ({"Version": "20.10.24+dfsg1"}, {}, OK, "20.10.24"),
        ({"Version": "19.3.5"}, {}, OLD, "19.3.5"),
        ({"Version": "5.2.1", "Components": [{"Name": "Podman Engine"}]}, {}, WARNING, "Podman 5.2.1"),
        ({"Version": "28.1.0"}, {"SecurityOptions": ["name=rootless"], "CgroupVersion": "2"}, OK, "rootless"),
        ({"Version": "28.1.0"}, {"SecurityOptions": ["name=rootless"], "CgroupVersion": "1"}, WARNING, "cgroup v2"),
        ({"Version": "28.1.0"}, {"SecurityOptions": None}, OK, "28.1.0"),
    ],
)
def test_an_engine_that_answers(version: dict[str, object], info: dict[str, object], status: str, part: str) -> None:
    """Docker is held against the oldest version; Podman's numbers are its own; rootless needs cgroup v2."""
    check = check_engine(Engine(SOCKET, by_variable=False, version=version, info=info), "20.10")
    assert check.status == status
    assert part in check.what


@pytest.mark.parametrize(
    ("found", "status"), [(None, WARNING), (4 * GIB, OK), (4 * GIB - 1, MISSING), (0, MISSING), (400 * GIB, OK)]
)
def test_room(found: int | None, status: str) -> None:
    """Less than what is needed gets the given status; what cannot be found out is a warning and never an alarm."""
    assert check_room("disk", found, 4, MISSING, "make room").status == status


@pytest.mark.parametrize(("free", "status"), [(True, OK), (False, WARNING)])
def test_a_port(*, free: bool, status: str) -> None:
    """A port in use is named with what to do; it may be the lab itself, so it is no more than a warning."""
    check = check_port(18080, "take another", free=free)
    assert (check.status, "18080" in check.what) == (status, True)


@pytest.mark.parametrize(
    ("current", "status"), [("", OK), ("kind-canary-lab", OK), ("kind-other", WARNING), ("production", WARNING)]
)
def test_the_context(current: str, status: str) -> None:
    """Only the lab's context, or none yet, passes: what refuses others is told before it does."""
    check = check_context(current, "kind-canary-lab")
    assert (check.status, current in check.what) == (status, True)


def test_kubectl_may_be_one_minor_version_behind() -> None:
    """The oldest kubectl that may talk to an API server is one minor version below it."""
    assert neighbour("1.34.4") == "1.33"


@pytest.mark.parametrize(
    ("environment", "ports"),
    [
        ({}, {"LAB_PORT": 18080, "LAB_PROMETHEUS_PORT": 19091}),
        ({"LAB_PORT": "5000"}, {"LAB_PORT": 5000, "LAB_PROMETHEUS_PORT": 19091}),
        ({"LAB_PORT": "0", "LAB_PROMETHEUS_PORT": "many"}, {}),
    ],
)
def test_the_ports_of_compose_are_those_of_the_file(environment: dict[str, str], ports: dict[str, int]) -> None:
    """The ports are read from docker-compose.yml, and a variable that moves one is followed."""
    assert published_ports((ROOT / "docker-compose.yml").read_text(encoding="utf-8"), environment) == ports


def test_the_ports_of_the_cluster_are_those_of_the_file() -> None:
    """The ports are read from kind's configuration."""
    assert host_ports((ROOT / "scripts" / "cluster" / "kind.yaml").read_text(encoding="utf-8")) == [19090, 19080]


def test_the_oldest_python_is_the_one_that_make_asks_for() -> None:
    """The doctor does not praise a Python that scripts/setup/make-venv.sh then refuses."""
    least = assignments((ROOT / "versions.env").read_text(encoding="utf-8"))["LEAST_PYTHON_VERSION"]
    assert f"Python {least} or newer" in (ROOT / "scripts" / "setup" / "make-venv.sh").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("statuses", "code"), [([OK, WARNING], 0), ([], 0), ([OK, MISSING], 1), ([OLD, OK], 1), ([MISSING, OLD], 1)]
)
def test_what_the_lab_lacks_decides(statuses: list[str], code: int) -> None:
    """The exit code is 1 for what is missing or too old, and warnings leave it 0."""
    assert exit_code([Check(status, "thing") for status in statuses]) == code


def test_colour_is_only_added() -> None:
    """Without its colour a line is the same line."""
    check = Check(OLD, "kind 0.1", "update it")
    assert re.sub(r"\x1b\[\d*m", "", check.line(coloured=True)) == check.line(coloured=False)


@pytest.mark.parametrize("name", ["doctor.py", "diagnosis.py", "__init__.py"])
def test_an_old_python_can_read_it(name: str) -> None:
    """A Python 3.8 gets as far as being told that it is too old: no later syntax in what it reads."""
    ast.parse((ROOT / "scripts" / "setup" / name).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_it_needs_nothing_that_pip_brings() -> None:
    """The standard library is enough: it runs before anything is installed."""
    code = "import sys; sys.path.insert(0, '.'); import scripts.setup.doctor"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_machine_with_make_alone_has_the_lab(tmp_path: Path) -> None:
    """Without Docker and kind the answer is 0: each is named as missing, on a line without colour."""
    (tmp_path / "make").symlink_to(shutil.which("make") or "")
    done = doctor(str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith("  missing")] == [
        "docker",
        "kind",
        "kubectl",
        "istioctl",
    ]
    assert "\033" not in done.stdout


def test_a_machine_without_make_has_not(tmp_path: Path) -> None:
    """What the lab lacks ends with 1, and what is there is still told."""
    done = doctor(str(tmp_path))
    assert (done.returncode, done.stderr) == (1, "")
    assert "  missing  make: install GNU make" in done.stdout
    assert "  ok       Python" in done.stdout


def test_a_dead_engine_and_a_busy_port_are_lines_and_no_traceback(tmp_path: Path) -> None:
    """A client whose engine does not answer, and a port that something has taken, are told for what they are."""
    docker = tmp_path / "docker"
    docker.write_text(
        "#!/bin/sh\ncase $1 in --version) echo 'Docker version 28.2.2';; *) echo dead >&2; exit 1;; esac\n"
    )
    docker.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = doctor(f"{tmp_path}:{os.environ['PATH']}", DOCKER_HOST="unix:///nowhere.sock", LAB_PORT=str(port))
    assert (done.returncode, done.stderr) == (0, "")
    assert "  missing  engine at unix:///nowhere.sock does not answer: " in done.stdout
    assert f"  warning  port {port} of 127.0.0.1 is in use: if not by this lab, " in done.stdout
