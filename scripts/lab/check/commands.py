"""The command `check`: reads files and folders, and prints what the rules find."""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Final

from scripts.lab.check.rules.check import Result
from scripts.lab.check.rules.check import check as find
from scripts.lab.check.rules.documents import Source
from scripts.lab.check.rules.findings import LEVELS, Finding
from scripts.lab.errors import UsageError
from scripts.lab.terminal import filled, wrapped

EXIT_FOUND: Final = 1
FIELDS: Final = Path(__file__).with_name("fields.json")
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


def check(options: argparse.Namespace) -> int:
    """Print all findings of the files.

    Args:
        options: the parsed options of the command.

    Returns:
        The exit code: 1 if there is an error or a warning, else 0; notes change nothing.

    Raises:
        UsageError: a file cannot be read, or a folder has no manifest.
    """
    sources = [source for name in options.files for source in sources_of(name)]
    result = find(sources, json.loads(FIELDS.read_text(encoding="utf-8")))
    print(as_json(result) if options.json else as_text(result, len(sources)))
    return EXIT_FOUND if any(found.level != "note" for found in result.findings) else 0


def sources_of(name: str) -> list[Source]:
    """Return the file of a name, or the manifests of a folder and of those in it, by their names.

    Raises:
        UsageError: it cannot be read, or the folder has no manifest.
    """
    path = Path(name)
    try:
        if not path.is_dir():
            return [Source(name, path.read_bytes())]
        files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
        found = [Source(str(file), file.read_bytes()) for file in files if not _is_hidden(file.relative_to(path))]
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not found:
        raise UsageError(f"{name}: this folder has no file that ends in {', '.join(sorted(SUFFIXES))}; name a file")
    return found


def as_json(result: Result) -> str:
    """Return the findings and the number of objects as JSON."""
    found = [finding._asdict() for finding in result.findings]
    return json.dumps({"objects": result.objects, "findings": found}, indent=2, ensure_ascii=False)


def as_text(result: Result, files: int) -> str:
    """Return the findings for a terminal, and a last line with their numbers."""
    levels = Counter(found.level for found in result.findings)
    parts = [_counted(levels[level], level) for level in LEVELS]
    read = f"{_counted(result.objects, 'object')} in {_counted(files, 'file')}"
    return "\n".join([*map(_lines, result.findings), f"{', '.join(parts)}; {read}."])


def _lines(found: Finding) -> str:
    place = ": ".join(part for part in (f"{found.file}:{found.line}", found.field) if part)
    head = wrapped(f"{found.level}: {place}: {found.problem} [{found.rule}]")
    return "\n".join([head, _indented("effect", found.effect), _indented("fix", found.fix), ""])


def _indented(title: str, text: str) -> str:
    return filled(f"    {title}: {text}", "      ")


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
