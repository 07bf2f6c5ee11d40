"""Where the repository is, and its files as the tests read them; every path is relative to the repository's root."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]


def text_of(path: str) -> str:
    """Return a file's text."""
    return (ROOT / path).read_text(encoding="utf-8")


def resources(path: str) -> list[dict[str, Any]]:
    """Return all objects of a YAML file."""
    return [resource for resource in yaml.safe_load_all(text_of(path)) if resource]


def resource(path: str) -> dict[str, Any]:
    """Return the one object of a YAML file."""
    (only,) = resources(path)
    return only


def versions() -> dict[str, str]:
    """Return what versions.env sets."""
    lines = [line for line in text_of("versions.env").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@cache
def tracked() -> tuple[Path, ...]:
    """Return every file of the repository that exists and that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(file for name in listed.splitlines() if (file := ROOT / name).is_file())


def copy_to(folder: Path) -> Path:
    """Copy all files of the repository into a folder, with their times so that make finds nothing out of date."""
    for file in tracked():
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    return folder
