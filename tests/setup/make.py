"""What make sees in the tests of it: a folder with what it needs of the repository, and programs that only write down.

For tests/setup/test_setup.py and tests/setup/test_clean.py.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.repository import ROOT

TIMEOUT_SECONDS = 120
# Stands in for the environment's Python: writes down what it is asked for, and fails where the test wants it to.
RECORDER = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in *{failing}*) echo "no: $*" >&2; exit 1;; esac
"""


def run(
    *argv: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, away from the make that may run the tests."""
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
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def make_project(folder: Path) -> Path:
    """Fill a folder with what make needs of the repository, without an environment, and return it."""
    shutil.copy2(ROOT / "Makefile", folder)
    for part in ("services/micro_api", "loadtest", "scripts/lab", "tests"):
        (folder / part).mkdir(parents=True)
        (folder / part / "requirements.txt").touch()
    for part in ("scripts/setup", "scripts/cluster"):
        (folder / part).mkdir(parents=True)
    for name in ("scripts/setup/clean.sh", "scripts/cluster/down.sh", "scripts/cluster/lib.sh", "docker-compose.yml"):
        shutil.copy2(ROOT / name, folder / name)
    return folder
