"""A folder with the parts of the repository that make needs, and programs that only record their arguments."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.repository import ROOT

TIMEOUT_SECONDS = 120
# Replaces the environment's Python: records its arguments, and fails for those that the test names.
RECORDER = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in *{failing}*) echo "no: $*" >&2; exit 1;; esac
"""


def run(
    *argv: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, independent of a make that runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        [str(part) for part in argv],
        cwd=cwd,
        env=inherited | dict(environment or {}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def executable(path: Path, text: str) -> Path:
    """Write a program, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def make_project(folder: Path) -> Path:
    """Copy the parts of the repository that make needs to a folder, without an environment, and return it."""
    shutil.copy2(ROOT / "Makefile", folder)
    for part in ("services/micro_api", "loadtest", "scripts/lab", "tests"):
        (folder / part).mkdir(parents=True)
        (folder / part / "requirements.txt").touch()
    for part in ("scripts/setup", "scripts/cluster"):
        (folder / part).mkdir(parents=True)
    for name in ("scripts/setup/clean.sh", "scripts/cluster/down.sh", "scripts/cluster/lib.sh", "docker-compose.yml"):
        shutil.copy2(ROOT / name, folder / name)
    return folder
