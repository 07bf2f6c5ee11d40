"""Resource definitions in files of YAML."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml


def definitions(files: Iterable[Path], kinds: Iterable[str], program: str, where: str) -> dict[str, dict[str, Any]]:
    """Return the definition of each kind, by kind; end the program where one is missing.

    Args:
        files: YAML with CustomResourceDefinitions among other objects.
        kinds: which ones there must be.
        program: what the message about one that is missing begins with.
        where: which files have them, for that message.
    """
    texts = [file.read_text(encoding="utf-8") for file in files]
    found = [one for text in texts for one in yaml.safe_load_all(text) if one]
    by_kind = {one["spec"]["names"]["kind"]: one for one in found if one["kind"] == "CustomResourceDefinition"}
    if missing := [kind for kind in kinds if kind not in by_kind]:
        sys.exit(f"{program}: no definition of {', '.join(missing)}: name {where}")
    return by_kind
