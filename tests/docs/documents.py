"""What the documents show, and whether a real output is the same; for the tests of the documents and of the cluster.

An example is a block marked `console`: a first line `$ command`, and below it what the command prints.
"""

import re
from pathlib import Path

from tests.support.text import unwrapped

CONSOLE = re.compile(r"```console\n\$ ([^\n]+)\n(.*?)```", re.DOTALL)
# Kubernetes makes names without vowels: ten letters of a pod template, five of a pod.
NAME_PARTS = "[bcdfghjklmnpqrstvwxz2456789]"
VARIES = {
    r"#refuted-[a-z]+": r"#refuted-[a-z]+",  # which share is nearest varies with the sample
    rf"-{NAME_PARTS}{{5}}\b": rf"-{NAME_PARTS}{{5}}",
    rf"\b{NAME_PARTS}{{8,10}}\b": rf"{NAME_PARTS}{{8,10}}",
    r"\b(?:\d+[dhms])+\b": r"(?:\d+[dhms])+",
    r"\d+(?:\.\d+)?": r"\d+(?:\.\d+)?",
}
VARYING = re.compile("|".join(f"({pattern})" for pattern in VARIES))


def console_examples(document: Path) -> list[tuple[str, str]]:
    """Return (command, what it prints) of each example in a document, in its order."""
    return CONSOLE.findall(document.read_text(encoding="utf-8"))


def pattern_of(shown: str) -> re.Pattern[str]:
    """Return what a shown output stands for.

    Figures, ages, the row of a refuted share, what Kubernetes adds to names, and which of the two answers came may
    differ; spaces may be more or fewer; a line `...` is any number of lines. What is compared with it is `unwrapped`
    and ends with a newline.
    """
    return re.compile("".join(_line_pattern(line) for line in unwrapped(shown).splitlines()))


def is_shown(shown: str, printed: str) -> bool:
    """Return whether a document shows what a command has printed, empty lines at its end aside."""
    whole = unwrapped(printed).rstrip("\n") + "\n" if printed.strip() else ""
    return pattern_of(shown).fullmatch(whole) is not None


def _line_pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    pattern, end = "", 0
    line = re.sub(r'"(?:V3\|)?无', '"无', line)
    for found in VARYING.finditer(line):
        pattern += re.escape(line[end : found.start()]) + list(VARIES.values())[(found.lastindex or 1) - 1]
        end = found.end()
    pattern += re.escape(line[end:])
    return re.sub(r"(\\ )+", r" +", pattern).replace('"无', r'"(?:V3\|)?无') + r"\n"
