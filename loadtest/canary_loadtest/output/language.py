"""The language of what a person reads on a terminal: Chinese where the environment asks for it, else English.

JSON, Markdown and the reports stay English in any language.
"""

import ast
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from canary_loadtest.core.message import translated

FOLDER: Final = Path(__file__).parents[1] / "locale"
CATALOGUE: Final = "zh_CN.po"
ENTRY: Final = re.compile(r'^msgid ((?:".*"\s)+)msgstr ((?:".*"\s*)+)', re.MULTILINE)
LINE: Final = re.compile(r'^".*"', re.MULTILINE)


def is_chinese(environment: Mapping[str, str]) -> bool:
    """Return whether an environment asks for Chinese, as gettext reads it: LANGUAGE counts unless the locale is C."""
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "C")
    wanted = locale if locale in {"C", "POSIX"} else environment.get("LANGUAGE") or locale
    return wanted.startswith("zh")


def read(file: Path) -> dict[str, str]:
    """Return the translation of each template in a catalogue of gettext (`.po`), without its head."""
    found = ENTRY.finditer(file.read_text(encoding="utf-8"))
    entries = (map(_text, entry.groups()) for entry in found)
    return {template: translation for template, translation in entries if template}


def _text(lines: str) -> str:
    return "".join(map(ast.literal_eval, LINE.findall(lines)))


@cache
def speaks_chinese() -> bool:
    """Return whether this process speaks Chinese: its environment is asked once."""
    return is_chinese(os.environ)


def told(text: str, folder: Path = FOLDER) -> str:
    """Return a message in the language of this process.

    Args:
        text: the message, or any other text, which stays as it is.
        folder: where the catalogue of the program is, next to which the load test's own counts.
    """
    return translated(text, _catalogue(folder)) if speaks_chinese() else text


@cache
def _catalogue(folder: Path) -> Mapping[str, str]:
    return {**read(FOLDER / CATALOGUE), **read(folder / CATALOGUE)}
