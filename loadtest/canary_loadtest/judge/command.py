"""The verdict without Locust: on counts, or on answers that another tool received."""

import argparse
import io
import sys
from collections import Counter
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from canary_loadtest.core.contract import ROW_NAMES
from canary_loadtest.core.labels import NO_ANSWER, OTHER_OR_NONE, UNEXPECTED_TEXT
from canary_loadtest.core.outcome import EXIT_CODE_HELP, EXIT_CODES, EXIT_INTERRUPTED, EXIT_NO_VERDICT, EXIT_NOT_WRITTEN
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.judge.readers import FORMATS
from canary_loadtest.judge.wording import JUDGE_NEXT_STEPS
from canary_loadtest.options import ROUTE_HELP, add_expectation, expectation_of, writable_file
from canary_loadtest.output import report
from canary_loadtest.output.files import keep, print_whole
from canary_loadtest.output.text import wrapped
from canary_loadtest.output.why import with_row

MOST_DIGITS: Final = 15

EXAMPLES: Final = """examples:
  for i in {1..1000}; do curl -s "$URL"; done | PROGRAM \\
    --expect-canary 30 --sent 1000
  PROGRAM --expect-canary 30 --canary 3 --stable 7 --other 0
  vegeta encode --to json answers.bin | PROGRAM \\
    --expect-canary 30 --format vegeta
  k6 run answers.js ... ; PROGRAM --expect-canary 30 \\
    --format jsonl answers.jsonl
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors fit 80 columns."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and end with exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_NO_VERDICT, wrapped(f"{self.prog}: error: ", message, indent=4) + "\n")


class UsageError(Exception):
    """A wrong combination of options; the message says what to do."""


def main(arguments: list[str] | None = None, program: str = "canary-judge") -> int:
    """Judge what the command line names, and return the exit code.

    Args:
        arguments: the command line without the program's name, None for that of this process.
        program: how it was called, for the usage and the examples.
    """
    parser = _parser(program)
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        verdict = _judge(options)
        written = [
            print_whole(report.table(verdict)),
            keep(options.verdict_json, lambda file: report.write_json(verdict, file)),
            keep(options.summary, lambda file: report.append_summary(verdict, file)),
        ]
    except UsageError as error:
        parser.error(str(error))
    except OSError as error:
        return _fail(parser.prog, f"{error.filename or options.file}: {error.strerror}", EXIT_NO_VERDICT)
    except KeyboardInterrupt:
        return _fail(parser.prog, "interrupted, no verdict", EXIT_INTERRUPTED)
    return EXIT_CODES[verdict.outcome] if all(written) else EXIT_NOT_WRITTEN


def _fail(program: str, message: str, exit_code: int) -> int:
    print(wrapped(f"{program}: ", message, indent=4), file=sys.stderr)
    return exit_code


def _parser(program: str) -> argparse.ArgumentParser:
    formats = "\n".join(f"  {name:<12} {a_format.description}" for name, a_format in FORMATS.items())
    examples = EXAMPLES.replace("PROGRAM", program)
    parser = Parser(
        prog=program,
        allow_abbrev=False,
        description="Judge whether answers confirm or refute the configured share of the canary.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"formats:\n{formats}\n\n{examples}\n{EXIT_CODE_HELP}",
    )
    add_expectation(parser, required=True)
    parser.add_argument(
        "--canary", type=_count, metavar="N", help="number of canary answers (counts instead of answers to read)"
    )
    parser.add_argument("--stable", type=_count, metavar="N", help="number of stable answers")
    parser.add_argument("--other", type=_count, metavar="N", help="number of requests that got neither")
    parser.add_argument("--format", choices=FORMATS, default="bodies", help="format of FILE (default: %(default)s)")
    parser.add_argument(
        "--sent", type=_count, metavar="N", help="number of requests that were sent; missing ones count as other"
    )
    parser.add_argument("--route", metavar="NAME", help=ROUTE_HELP)
    parser.add_argument("--verdict-json", type=writable_file, metavar="FILE", help="write the verdict to FILE as JSON")
    parser.add_argument("--summary", type=writable_file, metavar="FILE", help="append the verdict to FILE as Markdown")
    parser.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="file to read answers from (default: standard input)"
    )
    return parser


def _count(text: str) -> int:
    """Parse a number of answers."""
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
        shown = text if len(text) <= MOST_DIGITS else f"{text[:MOST_DIGITS]}..."
        raise argparse.ArgumentTypeError(f"{shown!r} is not a number of answers of at most {MOST_DIGITS} digits")
    return int(text)


def _judge(options: argparse.Namespace) -> Verdict:
    counts = (options.canary, options.stable, options.other)
    if any(count is not None for count in counts):
        return _judge_counts(options, counts)
    if options.route is not None and options.format not in {"jsonl", "vegeta"}:
        raise UsageError(f"--route needs answers with headers: --format {options.format} has none")
    with _open(options.file) as stream:
        tally = FORMATS[options.format].read(stream, options.route)
    if options.sent is not None:
        tally = _with_missing(tally, options.sent)
    return _conclude(options, tally)


def _judge_counts(options: argparse.Namespace, counts: tuple[int | None, ...]) -> Verdict:
    if None in counts or options.file != "-" or options.sent is not None or options.route is not None:
        raise UsageError("give --canary, --stable and --other, all three and without FILE, --sent or --route")
    tally = Tally(canary=options.canary, stable=options.stable, other=+Counter({"other": options.other}))
    return _conclude(options, tally)


def _with_missing(tally: Tally, sent: int) -> Tally:
    """Add the requests that left no answer.

    Where text had to be taken for a number of answers, the number of requests settles how many it was; records that are
    counted one by one must not be more than were sent, or errors would vanish.
    """
    is_guess = UNEXPECTED_TEXT in tally.other
    counted = tally.canary + tally.stable if is_guess else tally.total + tally.settling
    if counted > sent:
        raise UsageError(f"--sent {sent}: there are {counted} answers already")
    if is_guess:
        return Tally(tally.canary, tally.stable, +Counter({OTHER_OR_NONE: sent - counted}), tally.routes)
    return tally + Tally(other=+Counter({NO_ANSWER: sent - counted}))


def _conclude(options: argparse.Namespace, tally: Tally) -> Verdict:
    session = Session(expectation_of(options), options.route, row_names=ROW_NAMES, next_steps=JUDGE_NEXT_STEPS)
    session.add_all(tally)
    counted = options.canary is not None or options.sent is not None
    return with_row(session.verdict(requests_known=counted or FORMATS[options.format].tells_all))


def _open(file: str) -> BinaryIO:
    if file != "-":
        return Path(file).open("rb")
    if sys.stdin is None:
        raise UsageError("standard input is closed: pipe the answers in, or name a FILE")
    return sys.stdin.buffer
