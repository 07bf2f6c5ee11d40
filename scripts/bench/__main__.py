"""The command line of the benchmark: `python -m scripts.bench --help`.

`make bench` calls it. It measures section after section, shows each at once, and writes the page at the end.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scripts import REPOSITORY
from scripts.bench import envoy, growth, images, judge, load_test, machine, service, soak, verdicts
from scripts.bench.budget import FULL, QUICK, Budget
from scripts.bench.client import UnexpectedAnswerError
from scripts.bench.page import Section, listing, page, updated
from scripts.bench.programs import BenchError
from scripts.bench.prose import INTRODUCTION, MENDED
from scripts.lab.state import LabError

PAGE = REPOSITORY / "docs" / "benchmarks.md"
EXIT_FINE, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130

SECTIONS: Mapping[str, Callable[[Budget], Section]] = {
    "service": service.measure,
    "load-test": load_test.measure,
    "judge": judge.measure,
    "envoy": envoy.measure,
    "images": images.measure,
    "verdicts": verdicts.measure,
    "growth": growth.measure,
    "soak": soak.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show and write.

    Args:
        arguments: what stands behind `python -m scripts.bench`; None for the process's own.

    Returns:
        The exit code: 0, 1 when something could not be measured, 2 for wrong usage, 130 for Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    options = _parser().parse_args(arguments)
    names = options.only or list(SECTIONS)
    output = options.output or (None if options.quick or (options.only and not options.update) else PAGE)
    try:
        before = output.read_text(encoding="utf-8") if output and options.update else None
        text = _measure(names, QUICK if options.quick else FULL, before)
        if output is not None:
            output.write_text(text, encoding="utf-8")
            print(f"written: {output}")
    except (BenchError, LabError, UnexpectedAnswerError) as problem:
        return _fail(str(problem), EXIT_FAILED)
    except OSError as problem:
        return _fail(f"{problem.filename or 'the system'}: {problem.strerror or problem}", EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was written", EXIT_INTERRUPTED)
    return EXIT_FINE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench",
        description="Measure every part side by side, and write docs/benchmarks.md (ten minutes at most).",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of a minute, whose figures mean nothing")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SECTIONS,
        metavar="SECTION",
        help=f"measure only these: {', '.join(SECTIONS)}",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="leave the other sections of the page as they are; each new one says when it was measured",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write the page (default: docs/benchmarks.md; nowhere with --quick, or with --only alone)",
    )
    return parser


def _measure(names: Sequence[str], budget: Budget, before: str | None) -> str:
    """Measure the sections of these names, and return the page: all of it, or `before` with them in it."""
    description = machine.description()
    print(listing(description), flush=True)
    sections = []
    started = time.monotonic()
    for name in names:
        section = SECTIONS[name](budget)
        print(f"\n{section.markdown()}\n\n({name}: {time.monotonic() - started:.0f} s since the start)", flush=True)
        sections.append(section)
    if before is None:
        return page(INTRODUCTION, description, sections, MENDED)
    told = dict(description)
    alone = f"Measured alone: {told['date']}, load average {told['load average at the start']}."
    for section in sections:
        before = updated(before, replace(section, notes=[*section.notes, alone]))
    return before


def _fail(message: str, exit_code: int) -> int:
    print(f"bench: {message}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
