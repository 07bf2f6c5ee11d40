"""Which images are built: all of them, or those that the engine lacks of the present commit."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.processes import executable, run
from tests.support.repository import ROOT

# Replaces docker: notes its arguments, and has every image, of the revision in $REVISION.
ENGINE = """#!/bin/sh
echo "$@" >>"$CALLS"
[ "$1" != image ] || echo "$REVISION"
"""
IMAGES = 5


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A commit of what the script needs, with a stand-in for docker next to it."""
    folder = tmp_path / "project"
    (folder / "scripts" / "cluster").mkdir(parents=True)
    for name in ("scripts/cluster/build-images.sh", "scripts/cluster/lib.sh", "versions.env"):
        shutil.copy2(ROOT / name, folder / name)
    executable(tmp_path / "bin" / "docker", ENGINE)
    for command in ("init", "add .", "-c user.name=test -c user.email=test@example.com commit --message=all"):
        assert run("git", *command.split(), cwd=folder).returncode == 0
    return folder


def built(project: Path, *options: str, revision: str) -> int:
    """Run the script with an engine whose images are of a revision, and return how many it builds."""
    calls = project.parent / "calls"
    calls.write_text("")
    path = f"{project.parent / 'bin'}:{os.environ['PATH']}"
    environment = {"PATH": path, "CALLS": str(calls), "REVISION": revision}
    ended = run("scripts/cluster/build-images.sh", *options, cwd=project, environment=environment)
    assert ended.returncode == 0, ended.stderr
    builds = [line for line in calls.read_text().splitlines() if line.startswith("build ")]
    assert ended.stdout.count("of this commit exists already") == IMAGES - len(builds)
    return len(builds)


def head(project: Path) -> str:
    """Return the commit of a project."""
    return run("git", "rev-parse", "HEAD", cwd=project).stdout.strip()


def test_images_of_the_present_commit_are_left_when_only_the_missing_are_asked_for(project: Path) -> None:
    """With --missing nothing is built of a commit whose images are there; without it everything is."""
    assert built(project, "--missing", revision=head(project)) == 0
    assert built(project, revision=head(project)) == IMAGES


@pytest.mark.parametrize("revision", ["", "unknown", "0" * 40])
def test_images_of_anything_else_are_built(project: Path, revision: str) -> None:
    """No image, one of which nothing is known, and one of another commit do not do."""
    assert built(project, "--missing", revision=revision) == IMAGES


def test_images_are_built_of_files_that_no_commit_has(project: Path) -> None:
    """After a file was changed no label proves what an image was built from, not even one that looks the same."""
    with (project / "versions.env").open("a") as file:
        file.write("# changed\n")
    assert built(project, "--missing", revision=f"{head(project)}-dirty") == IMAGES


def test_images_are_built_where_there_is_no_commit(project: Path) -> None:
    """In a folder that git does not know, `unknown` is not a revision that two folders share."""
    shutil.rmtree(project / ".git")
    assert built(project, "--missing", revision="unknown") == IMAGES
