"""A folder with the parts of the repository that make needs, and programs that only record their arguments."""

import shutil
from pathlib import Path

from tests.support.repository import ROOT

# Replaces the environment's Python: records its arguments, and fails for those that the test names.
RECORDER = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in *{failing}*) echo "no: $*" >&2; exit 1;; esac
"""

COPIED = (
    "scripts/setup/clean.sh",
    "scripts/setup/python.sh",
    "scripts/cluster/down.sh",
    "scripts/cluster/lib.sh",
    "docker-compose.yml",
    "versions.env",
)


def make_project(folder: Path) -> Path:
    """Copy the parts of the repository that make needs to a folder, without an environment, and return it."""
    shutil.copy2(ROOT / "Makefile", folder)
    for part in ("services/micro_api", "loadtest", "scripts/lab", "tests"):
        (folder / part).mkdir(parents=True)
        (folder / part / "requirements.txt").touch()
    for part in ("scripts/setup", "scripts/cluster"):
        (folder / part).mkdir(parents=True)
    for name in COPIED:
        shutil.copy2(ROOT / name, folder / name)
    return folder


def changed_python(folder: Path, change: str) -> dict[str, str]:
    """Return the environment in which any Python runs `change` at its start."""
    (folder / "sitecustomize.py").write_text(f"import sys\n{change}\n")
    return {"PYTHONPATH": str(folder)}
