"""The command line of the benchmark: `python -m scripts.bench --help`."""

import argparse
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts import REPOSITORY
from scripts.bench import envoy, judge, load_test, machine, service, verdicts
from scripts.bench.budget import FULL, QUICK, Budget
from scripts.bench.client import UnexpectedAnswerError
from scripts.bench.page import Section, page
from scripts.bench.programs import BenchError
from scripts.lab.errors import LabError

PAGE: Final = REPOSITORY / "docs" / "benchmarks.md"
EXIT_FINE, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130

SECTIONS: Final[Mapping[str, Callable[[Budget], Section]]] = {
    "service": service.measure,
    "load-test": load_test.measure,
    "judge": judge.measure,
    "envoy": envoy.measure,
    "verdicts": verdicts.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write.

    Args:
        arguments: the arguments of the command; None for those of the process.

    Returns:
        The exit code: 0, 1 when something could not be measured, 2 for wrong usage, 130 for Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    options = _parser().parse_args(arguments)
    output = options.output or (None if options.quick or options.only else PAGE)
    try:
        if output is not None:
            output.open("a").close()  # what cannot be written is said before minutes of measuring, not after them
        text = _measure(options.only or list(SECTIONS), QUICK if options.quick else FULL)
        if output is not None:
            output.write_text(text, encoding="utf-8")
            print(f"written: {output}")
    except (BenchError, LabError, UnexpectedAnswerError) as error:
        return _fail(str(error), EXIT_FAILED)
    except OSError as error:
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}", EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was written", EXIT_INTERRUPTED)
    return EXIT_FINE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench",
        description="Measure every part and write docs/benchmarks.md (ten minutes).",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of a minute; its figures mean nothing")
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=f"measure only these: {', '.join(SECTIONS)}"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="file to write the page to (default: docs/benchmarks.md; with --quick or --only none is written)",
    )
    return parser


def _measure(names: Sequence[str], budget: Budget) -> str:
    """Measure these sections, print each as soon as it is known, and return the page."""
    description = machine.description()
    sections = []
    for name in names:
        section = SECTIONS[name](budget)
        print(f"{section.markdown()}\n", flush=True)
        sections.append(section)
    return page(description, sections)


def _fail(message: str, exit_code: int) -> int:
    print(f"bench: {message}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
