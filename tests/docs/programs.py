"""All programs of the project that have a `--help`, and what it prints."""

import re
import sys
from functools import cache
from typing import Final

from tests.support.processes import run
from tests.support.repository import ROOT, text_of, tracked

SCRIPTS: Final = tuple(
    path for path in (file.relative_to(ROOT).as_posix() for file in tracked()) if path.startswith("scripts/")
)
# Every shell script with a usage, every module whose command line argparse reads, and the load test's own commands.
SHELL: Final = tuple(path for path in SCRIPTS if path.endswith(".sh") and "usage()" in text_of(path))
MODULES: Final = tuple(
    path.removesuffix(".py").removesuffix("/__main__").replace("/", ".")
    for path in SCRIPTS
    if path.endswith(".py") and re.search(r"ArgumentParser\(|add_subparsers\(", text_of(path))
)


@cache
def help_of(program: str) -> str:
    """Return what a program prints in a terminal of 80 columns when it is asked for its help.

    Args:
        program: how one calls it from the repository.

    Raises:
        AssertionError: it ends with an error.
    """
    name, *arguments = program.split()
    argv = [sys.executable if name == "python" else name, *arguments]
    done = run(*argv, *([] if name == "make" else ["--help"]), environment={"COLUMNS": "80"})
    assert done.returncode == 0, f"{program}: {done.stderr}"
    return done.stdout


def subcommands(program: str) -> tuple[str, ...]:
    """Return the programs that are a command of another one, as its help lists them."""
    return tuple(
        f"{program} {name}" for name in re.findall(r"^    ([\w-]+)(?: {2,}|$)", help_of(program), re.MULTILINE)
    )


PROGRAMS: Final = (
    *SHELL,
    *(f"python -m {module}" for module in MODULES),
    *subcommands("python -m scripts.course"),
    *subcommands("python -m scripts.lab"),
    "python loadtest",
    "python loadtest judge",
    "python loadtest locust",
    "python loadtest gate",
    *subcommands("python loadtest gate"),
    "make help",
)
