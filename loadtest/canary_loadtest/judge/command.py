"""The verdict without Locust: on counts, or on answers that another tool received."""

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from canary_loadtest.core import contract
from canary_loadtest.core.contract import ROW_NAMES
from canary_loadtest.core.health.comparison import Comparison
from canary_loadtest.core.labels import CANARY, STABLE, RowNames, escaped
from canary_loadtest.core.lines import encoding_advice
from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import EXIT_CODE_HELP, EXIT_INTERRUPTED, EXIT_NO_VERDICT
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.file_options import add_outputs
from canary_loadtest.judge.classifiers import load_classifier
from canary_loadtest.judge.conclusion import Claim, verdict_on_counts, verdict_on_record
from canary_loadtest.judge.input_options import (
    NEEDS_TIMES,
    TIMED,
    UsageError,
    add_input_options,
    count,
    form_of,
    input_option,
    of_a_record,
)
from canary_loadtest.judge.order import ByStart
from canary_loadtest.judge.readers import FORMATS, Format
from canary_loadtest.judge.reading import Reading
from canary_loadtest.judge.sources import Source, SourceError
from canary_loadtest.judge.wording import GIVE_TIMES
from canary_loadtest.judge.writing import write_out
from canary_loadtest.options import (
    ROUTE_HELP,
    add_destinations,
    add_expectation,
    add_slowness,
    destinations_of,
    expectation_of,
)
from canary_loadtest.output.language import told
from canary_loadtest.output.text import one_line, wrapped
from canary_loadtest.output.why import with_row

MOST_NAME: Final = 23  # characters of a row's name in the table

EXAMPLES: Final = """examples:
  for i in $(seq 1000); do curl -s "$URL" || true; done |
    PROGRAM --expect-canary 30 --sent 1000
  PROGRAM --expect-canary 30 --canary 3 --stable 7 --other 0
  vegeta encode --to json answers.bin | PROGRAM \\
    --expect-canary 30 --format vegeta
  PROGRAM --expect-canary 30 --field version \\
    --canary-value green --stable-value blue --complete access.log
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors fit 80 columns."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and end with exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_NO_VERDICT, wrapped(f"{self.prog}: error: ", message, indent=4) + "\n")


def main(arguments: list[str] | None = None, program: str = "canary-judge") -> int:
    """Judge what the command line names, and return the exit code.

    Args:
        arguments: the command line without the program's name, None for that of this process.
        program: how it was called, for the usage and the examples.
    """
    parser = _parser(program)
    options = parser.parse_args(arguments)
    try:
        return write_out(with_row(_judge(options)), _what_is_read(options), options)
    except (UsageError, ExpectationError) as error:
        parser.error(str(error))
    except SourceError as error:
        return _fail(parser.prog, str(error), EXIT_NO_VERDICT)
    except OSError as error:
        return _fail(parser.prog, f"{error.filename or 'standard input'}: {error.strerror}", EXIT_NO_VERDICT)
    except KeyboardInterrupt:
        return _fail(parser.prog, Message("interrupted, no verdict"), EXIT_INTERRUPTED)


def _what_is_read(options: argparse.Namespace) -> str:
    if options.canary is not None:
        return "counts"
    return ", ".join("standard input" if file == "-" else file for file in options.files or ["-"])


def _fail(program: str, message: str, exit_code: int) -> int:
    print(wrapped(f"{program}: ", one_line(told(message)), indent=4), file=sys.stderr)
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
    add_slowness(parser)
    parser.add_argument(
        "--canary", type=count, metavar="N", help="number of canary answers (counts instead of answers to read)"
    )
    parser.add_argument("--stable", type=count, metavar="N", help="number of stable answers")
    parser.add_argument("--other", type=count, metavar="N", help="number of requests that got neither")
    add_input_options(parser)
    parser.add_argument("--route", metavar="NAME", help=ROUTE_HELP)
    add_destinations(parser)
    add_outputs(parser)
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="files to read answers from, - for standard input (default: standard input)",
    )
    return parser


def _judge(options: argparse.Namespace) -> Verdict:
    counts = (options.canary, options.stable, options.other)
    if any(count is not None for count in counts):
        return _judge_counts(options, counts)
    form = form_of(options)
    if options.complete and options.sent is not None:
        raise UsageError("give --sent or --complete, not both")
    if len(set(options.files)) < len(options.files):
        raise UsageError("a FILE is named twice: its answers would count twice")
    reading = _read(options, form)
    claim = Claim(expectation_of(options), options.route, _row_names(options), options.sent, options.complete)
    verdict = verdict_on_record(reading, form, claim)
    advice = reading.advice or (GIVE_TIMES if reading.untimed and _holds_for_latency(verdict) else "")
    return replace(verdict, next_step=advice) if advice else verdict


def _holds_for_latency(verdict: Verdict) -> bool:
    """Return whether the latency is all that is missing."""
    latency = None if verdict.health is None else verdict.health.latency
    return latency is not None and latency.reason in verdict.reason


def _row_names(options: argparse.Namespace) -> RowNames:
    """Return what the verdict calls the two versions: the user's own names where it has them."""
    if options.field is not None:
        return RowNames(_row_name(CANARY, options.canary_value), _row_name(STABLE, options.stable_value))
    return ROW_NAMES if options.classify is None else RowNames()


def _row_name(role: str, values: list[str]) -> str:
    name = f"{values[0]} ({role})" if len(values) == 1 else role
    return escaped(name if len(name) <= MOST_NAME else values[0], MOST_NAME)


def _judge_counts(options: argparse.Namespace, counts: tuple[int | None, ...]) -> Verdict:
    if None in counts or options.files or options.complete or options.route is not None or of_a_record(options):
        raise UsageError(
            "give --canary, --stable and --other, all three and without FILE, --sent, --complete, an option that says"
            " what FILE is, or --route"
        )
    if options.max_slowdown is not None:
        raise UsageError(f"{NEEDS_TIMES}: counts have neither; {TIMED}")
    tally = Tally(canary=options.canary, stable=options.stable, other=+Counter({"other": options.other}))
    return verdict_on_counts(tally, Claim(expectation_of(options), None, ROW_NAMES))


def _read(options: argparse.Namespace, form: Format) -> Reading:
    """Read all inputs.

    Raises:
        SourceError: there is no record of this format among them, or a line has no end.
        OSError: a file cannot be read.
    """
    named = input_option(options)
    classifier = contract.classify if options.classify is None else load_classifier(options.classify)
    expectation, in_order = expectation_of(options), options.max_slowdown is not None
    comparison = Comparison(expectation, clock=form.clock) if form.has_headers or in_order else None
    by_start = ByStart() if in_order else None
    reading = Reading(options.route, classifier, destinations_of(options), comparison=comparison, by_start=by_start)
    for file in options.files or ["-"]:
        with _open(file) as stream:
            source = Source(stream, "standard input" if file == "-" else file)
            form.read(source, reading)
        if not reading.tally.labelled and not reading.advice and (advice := encoding_advice(source.head)):
            reading.advice = Message("{name} {advice}", name=source.name, advice=advice)
    if reading.tally.labelled:
        reading.advice = ""
    if reading.missed and not reading.records:
        raise SourceError(
            f"none of the {reading.missed} lines is a record of {named};"
            f" {reading.advice or f'is {named.split()[0]} right?'} {reading.first_missed}"
        )
    if reading.missed:
        lines = "1 line is" if reading.missed == 1 else f"{reading.missed} lines are"
        note = f"{lines} no answer as {named} has it; the first: {reading.first_missed}"
        print(wrapped("note: ", note), file=sys.stderr)
    _compare_in_order(reading, form)
    return reading


def _compare_in_order(reading: Reading, form: Format) -> None:
    """Compare the answers in the order of their requests, and hold the latency where some have no time.

    Raises:
        SourceError: none has.
    """
    if reading.untimed:
        takes = Message(
            "--max-slowdown takes {times} on each line (the first without: {first_untimed})",
            times=form.times,
            first_untimed=reading.first_untimed,
        )
        if not reading.timed:
            raise SourceError(f"none of the {reading.untimed} answers has a time: {takes}")
        untimed = Message(
            "{count} answer{_s} {_have} no time: {takes}",
            count=reading.untimed,
            _s="" if reading.untimed == 1 else "s",
            _have="has" if reading.untimed == 1 else "have",
            takes=takes,
        )
        if reading.comparison is not None:
            reading.comparison.latency_objection = lambda: untimed
    reading.compare_in_order()


def _open(file: str) -> BinaryIO:
    if file != "-":
        return Path(file).open("rb")
    if sys.stdin is None:
        raise UsageError("standard input is closed: pipe the answers in, or name a FILE")
    return sys.stdin.buffer
