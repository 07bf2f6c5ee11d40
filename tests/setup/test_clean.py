"""`make clean` prints what it removes: everything that the project made, and nothing else.

No test reaches a real container engine: `docker` and `kind` are replaced by programs that record their arguments.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.setup.make import RECORDER, make_project
from tests.support.processes import executable, run

# Replaces docker and kind: the engine answers or not, has what a test gives it, and records all changes.
ENGINE = """#!/bin/sh
case "$*" in
  info*) exit {exit_code};;
  *label=io.x-k8s.kind.cluster\\ *) printf %s "{clusters}";;
  *label=com.docker.compose.project.working_dir=*) printf %s "{projects}";;
  "volume ls "*label=com.docker.compose.project=*) printf %s "{volumes}";;
  images*=micro-api\\ *) printf %s "{images}";;
  ps*|volume\\ ls*|network\\ ls*|images*) ;;
  *) echo "${{0##*/}} $*" >> {calls};;
esac
case "$*" in *{failing}*) echo "no: $*" >&2; exit 1;; esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what make needs of the repository, and no environment."""
    return make_project(tmp_path)


def clean(
    project: Path, has: Mapping[str, str] | None = None, *, exit_code: int = 0, failing: str = "nothing"
) -> subprocess.CompletedProcess[str]:
    """Call `make clean` with an engine that has what `has` lists; changes are recorded in the file `changes`."""
    things = dict.fromkeys(("clusters", "projects", "volumes", "images"), "")
    things |= {name: f"{lines}\n" for name, lines in (has or {}).items()}
    text = ENGINE.format(exit_code=exit_code, calls=project / "changes", failing=failing, **things)
    for name in ("docker", "kind"):
        executable(project / "engine" / name, text)
    return run("make", "clean", cwd=project, environment={"PATH": f"{project / 'engine'}:{os.environ['PATH']}"})


def test_clean_names_what_it_removes_and_can_be_repeated(project: Path) -> None:
    """`make clean` removes what was made and nothing else, one line for each; the second run has nothing to do."""
    kept = {path for path in project.rglob("*") if path.is_file()}
    environment = project / ".venv" / "bin"
    for made in (
        environment,
        project / ".lab" / "logs",
        project / ".course",
        project / "scripts" / "lab" / "__pycache__",
    ):
        made.mkdir(parents=True)
    cleaned = clean(project, exit_code=1)
    assert cleaned.returncode == 0, cleaned.stderr
    assert cleaned.stdout == "Removing .venv\nRemoving .lab\nRemoving .course\nRemoving ./scripts/lab/__pycache__\n"
    engine = {project / "engine" / name for name in ("docker", "kind")}
    assert {path for path in project.rglob("*") if path.is_file()} == kept | engine
    assert not any((project / name).exists() for name in (".venv", ".lab", ".course", "scripts/lab/__pycache__"))
    again = clean(project, exit_code=1)
    assert (again.returncode, again.stdout) == (0, "")


def test_clean_stops_a_lab_first(project: Path) -> None:
    """A lab that .lab records is stopped before its folder and the environment are removed."""
    calls = project / "calls"
    executable(project / ".venv" / "bin" / "python", RECORDER.format(calls=calls, failing="nothing"))
    (project / ".lab").mkdir()
    (project / ".lab" / "state.json").touch()
    assert clean(project, exit_code=1).returncode == 0
    assert calls.read_text() == "-m scripts.lab down\n"
    assert not (project / ".lab").exists()


@pytest.mark.parametrize("has_python", [True, False])
def test_clean_keeps_a_lab_that_it_cannot_stop(project: Path, *, has_python: bool) -> None:
    """When a lab cannot be stopped nothing is removed, because only its folder records its processes."""
    if has_python:
        executable(project / ".venv" / "bin" / "python", RECORDER.format(calls=project / "calls", failing="down"))
    (project / ".lab").mkdir()
    (project / ".lab" / "state.json").touch()
    cleaned = clean(project, {"images": "aaa micro-api:1.0-SNAPSHOT"})
    assert cleaned.returncode == 2
    assert not (project / "changes").exists()
    assert ("no: -m scripts.lab down" if has_python else "make install first") in cleaned.stderr
    assert (project / ".lab" / "state.json").exists()


@pytest.mark.parametrize(
    ("has", "removed"),
    [
        ({"clusters": "canary-cluster"}, ["kind delete cluster --name canary-cluster"]),
        ({"clusters": "e2e-99999999-1795547653"}, ["kind delete cluster --name e2e-99999999-1795547653"]),
        ({"clusters": f"other\ne2e-mine\ncanary-cluster-2\ne2e-{os.getpid()}-1795547653"}, []),
        (
            {"projects": "test-1a"},
            ["docker compose --project-name test-1a --profile * down --volumes --remove-orphans"],
        ),
        (
            {"volumes": "micro-api-canary_configuration"},
            ["docker compose --project-name micro-api-canary --profile * down --volumes --remove-orphans"],
        ),
        (
            {"images": "aaa micro-api:1.0-SNAPSHOT\nbbb <none>:<none>\nccc theirs/micro-api:1"},
            ["docker image rm micro-api:1.0-SNAPSHOT", "docker image rm bbb"],
        ),
    ],
    ids=["cluster", "of an ended e2e", "clusters of others", "Compose", "a volume of Compose", "images"],
)
def test_clean_removes_what_the_project_made_in_docker(project: Path, has: dict[str, str], removed: list[str]) -> None:
    """Clusters, Compose projects and images of the project are removed; those of others and of a running e2e stay."""
    cleaned = clean(project, has)
    assert cleaned.returncode == 0, cleaned.stderr
    assert cleaned.stdout.count("Removing ") == len(removed)
    changes = project / "changes"
    assert (changes.read_text().splitlines() if changes.exists() else []) == removed


def test_clean_says_why_it_keeps_the_cluster_of_a_run(project: Path) -> None:
    """The cluster of a `make e2e` that is still running is printed with its process."""
    cleaned = clean(project, {"clusters": f"e2e-{os.getpid()}-1795547653"})
    assert cleaned.stdout == (
        f"Keeping cluster e2e-{os.getpid()}-1795547653: process {os.getpid()}, which made it, is still running\n"
    )


def test_clean_is_silent_without_an_engine(project: Path) -> None:
    """When no engine answers nothing is printed and nothing fails: the lab needs no Docker."""
    cleaned = clean(project, {"images": "aaa micro-api:1.0-SNAPSHOT"}, exit_code=1)
    assert (cleaned.returncode, cleaned.stdout, cleaned.stderr) == (0, "", "")
    assert not (project / "changes").exists()


def test_clean_continues_after_what_it_cannot_remove(project: Path) -> None:
    """The engine's own error is printed, and the exit code is 2 after everything else has been removed."""
    cleaned = clean(project, {"images": "bbb <none>:<none>\nddd <none>:<none>"}, failing="rm\\ bbb")
    assert cleaned.returncode == 2
    assert "no: image rm bbb\n" in cleaned.stderr
    assert "docker image rm ddd\n" in (project / "changes").read_text()
