"""Resource definitions in files of YAML."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml


def definitions(files: Iterable[Path], kinds: Iterable[str], program: str, where: str) -> dict[str, dict[str, Any]]:
    """Return the definition of each kind, by kind; end the program where one is missing or a file is unreadable.

    Args:
        files: YAML with CustomResourceDefinitions among other objects.
        kinds: which ones there must be.
        program: what the message about one that is missing begins with.
        where: which files have them, for that message.
    """
    found = [one for file in files for one in _objects(file, program)]
    by_kind = {one["spec"]["names"]["kind"]: one for one in found if one.get("kind") == "CustomResourceDefinition"}
    if missing := [kind for kind in kinds if kind not in by_kind]:
        sys.exit(f"{program}: no definition of {', '.join(missing)}: name {where}")
    return by_kind


def _objects(file: Path, program: str) -> list[dict[str, Any]]:
    try:
        return [one for one in yaml.safe_load_all(file.read_text(encoding="utf-8")) if isinstance(one, dict)]
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"{program}: {file}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")
    except yaml.YAMLError as error:
        sys.exit(f"{program}: {file} is no YAML: {' '.join(str(error).split())}")
