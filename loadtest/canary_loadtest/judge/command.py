"""The verdict without Locust: on counts, or on answers that another tool received."""

import argparse
import io
import re
import sys
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from canary_loadtest.core import contract
from canary_loadtest.core.contract import ROW_NAMES
from canary_loadtest.core.health.comparison import Comparison
from canary_loadtest.core.labels import CANARY, STABLE, RowNames, escaped
from canary_loadtest.core.lines import encoding_advice
from canary_loadtest.core.outcome import EXIT_CODE_HELP, EXIT_INTERRUPTED, EXIT_NO_VERDICT
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.file_options import add_outputs
from canary_loadtest.judge.classifiers import load_classifier
from canary_loadtest.judge.conclusion import Claim, verdict_on_counts, verdict_on_record
from canary_loadtest.judge.fields import FieldReader, is_column
from canary_loadtest.judge.readers import FORMATS, Format
from canary_loadtest.judge.reading import Reading
from canary_loadtest.judge.sources import Source, SourceError
from canary_loadtest.judge.writing import write_out
from canary_loadtest.options import ROUTE_HELP, add_destinations, add_expectation, destinations_of, expectation_of
from canary_loadtest.output.text import one_line, wrapped
from canary_loadtest.output.why import with_row

DEFAULT_FORMAT: Final = "bodies"
MOST_NAME: Final = 23  # characters of a row's name in the table
MOST_DIGITS: Final = 15
COUNT: Final = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,9})?")

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
        return write_out(with_row(_judge(options)), _what_is_read(options), options)
    except (UsageError, ExpectationError) as error:
        parser.error(str(error))
    except SourceError as error:
        return _fail(parser.prog, str(error), EXIT_NO_VERDICT)
    except OSError as error:
        return _fail(parser.prog, f"{error.filename or 'standard input'}: {error.strerror}", EXIT_NO_VERDICT)
    except KeyboardInterrupt:
        return _fail(parser.prog, "interrupted, no verdict", EXIT_INTERRUPTED)


def _what_is_read(options: argparse.Namespace) -> str:
    if options.canary is not None:
        return "counts"
    return ", ".join("standard input" if file == "-" else file for file in options.files or ["-"])


def _fail(program: str, message: str, exit_code: int) -> int:
    print(wrapped(f"{program}: ", one_line(message), indent=4), file=sys.stderr)
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
    _add_input_options(parser)
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


def _add_input_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the input is."""
    parser.add_argument("--format", choices=FORMATS, help=f"format of FILE (default: {DEFAULT_FORMAT})")
    parser.add_argument(
        "--field",
        metavar="NAME",
        help="FILE is an access log: the JSON member, or the number of the column, that names the version; -1 is the"
        " last column",
    )
    parser.add_argument(
        "--canary-value", action="append", metavar="TEXT", help="what that field has for the canary; may be repeated"
    )
    parser.add_argument(
        "--stable-value", action="append", metavar="TEXT", help="what it has for the stable version; may be repeated"
    )
    parser.add_argument(
        "--status-field",
        metavar="NAME",
        help="the member or column with the status, none for a log without (default: status or response_code, or the"
        " column after the first quoted one); 400 and more is an error",
    )
    parser.add_argument(
        "--classify",
        metavar="FILE.py:NAME",
        help="function that returns the label of an answer from its status, headers and body (jsonl, vegeta)",
    )
    parser.add_argument(
        "--sent", type=_count, metavar="N", help="number of requests that were sent; missing ones count as other"
    )
    parser.add_argument(
        "--complete",
        action="store_true",
        help="the record has a line for every request that came in, like a gateway's access log of a time that is over",
    )


def _count(text: str) -> int:
    """Parse a number of answers, also as Prometheus writes a counter: 300.0 or 1.2e+06."""
    shown = text if len(text) <= MOST_DIGITS else f"{text[:MOST_DIGITS]}..."
    if not COUNT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{shown!r} is not a number of answers")
    value = Decimal(text)
    if value >= 10**MOST_DIGITS:
        raise argparse.ArgumentTypeError(f"{shown!r} is not a number of answers of at most {MOST_DIGITS} digits")
    if value != value.to_integral_value():
        raise argparse.ArgumentTypeError(f"{shown!r} is not a whole number of answers")
    return int(value)


def _judge(options: argparse.Namespace) -> Verdict:
    counts = (options.canary, options.stable, options.other)
    if any(count is not None for count in counts):
        return _judge_counts(options, counts)
    form = _form_of(options)
    _check(options, form)
    reading = _read(options, form)
    claim = Claim(expectation_of(options), options.route, _row_names(options), options.sent, options.complete)
    verdict = verdict_on_record(reading, form, claim)
    return replace(verdict, next_step=reading.advice) if reading.advice else verdict


def _form_of(options: argparse.Namespace) -> Format:
    """Return the format of the input.

    Raises:
        UsageError: the options for an access log are not complete, or name what it cannot have.
    """
    values = (options.canary_value, options.stable_value)
    if options.field is None:
        if options.status_field is not None or values != (None, None):
            raise UsageError("--canary-value, --stable-value and --status-field go with --field NAME")
        return FORMATS[options.format or DEFAULT_FORMAT]
    if not options.field:
        raise UsageError("--field is empty: name a member of JSON, or the number of a column")
    if None in values or options.format is not None:
        raise UsageError("give --field with --canary-value and --stable-value, and without --format")
    canary, stable = map(frozenset, values)
    if canary & stable:
        raise UsageError("--canary-value and --stable-value are the same")
    if options.field.isdigit() and not int(options.field):
        raise UsageError("--field 0: columns are counted from 1 on, or from the end with -1")
    reader = FieldReader(options.field, canary, stable, options.status_field)
    columns_of_both = {is_column(name) for name in (options.field, options.status_field) if name not in {None, "none"}}
    if len(columns_of_both) > 1:
        raise UsageError("--field and --status-field are both columns, or both members of JSON")
    return Format(reader, f"access log with the version in {options.field}")


def _row_names(options: argparse.Namespace) -> RowNames:
    """Return what the verdict calls the two versions: the user's own names where it has them."""
    if options.field is not None:
        return RowNames(_row_name(CANARY, options.canary_value), _row_name(STABLE, options.stable_value))
    return ROW_NAMES if options.classify is None else RowNames()


def _row_name(role: str, values: list[str]) -> str:
    name = f"{values[0]} ({role})" if len(values) == 1 else role
    return escaped(name if len(name) <= MOST_NAME else values[0], MOST_NAME)


def _judge_counts(options: argparse.Namespace, counts: tuple[int | None, ...]) -> Verdict:
    of_files = (options.sent, options.route, options.format, options.field, options.classify, options.status_field)
    given = any(option is not None for option in (*of_files, options.canary_value, options.stable_value))
    if None in counts or options.files or options.complete or given:
        raise UsageError(
            "give --canary, --stable and --other, all three and without FILE, --sent, --complete, an option that says"
            " what FILE is, or --route"
        )
    tally = Tally(canary=options.canary, stable=options.stable, other=+Counter({"other": options.other}))
    return verdict_on_counts(tally, Claim(expectation_of(options), None, ROW_NAMES))


def _check(options: argparse.Namespace, form: Format) -> None:
    """Refuse options that contradict one another.

    Raises:
        UsageError: they do.
    """
    named = _input_option(options)
    for name, given in (("--route", options.route), ("--classify", options.classify)):
        if given is not None and not form.has_headers:
            raise UsageError(f"{name} needs answers with headers: {named} has none")
    if options.complete and not form.has_records:
        raise UsageError(f"--complete needs a line for every request: {named} has none; use --sent N")
    if options.complete and options.sent is not None:
        raise UsageError("give --sent or --complete, not both")
    if len(set(options.files)) < len(options.files):
        raise UsageError("a FILE is named twice: its answers would count twice")


def _input_option(options: argparse.Namespace) -> str:
    """Return the option that says what the input is."""
    return f"--format {options.format or DEFAULT_FORMAT}" if options.field is None else f"--field {options.field}"


def _read(options: argparse.Namespace, form: Format) -> Reading:
    """Read all inputs.

    Raises:
        SourceError: there is no record of this format among them, or a line has no end.
        OSError: a file cannot be read.
    """
    named = _input_option(options)
    classifier = contract.classify if options.classify is None else load_classifier(options.classify)
    comparison = Comparison(expectation_of(options)) if form.has_headers else None
    reading = Reading(options.route, classifier, destinations_of(options), comparison=comparison)
    for file in options.files or ["-"]:
        with _open(file) as stream:
            source = Source(stream, "standard input" if file == "-" else file)
            form.read(source, reading)
        if not reading.tally.labelled and not reading.advice and (advice := encoding_advice(source.head)):
            reading.advice = f"{source.name} {advice}"
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
    return reading


def _open(file: str) -> BinaryIO:
    if file != "-":
        return Path(file).open("rb")
    if sys.stdin is None:
        raise UsageError("standard input is closed: pipe the answers in, or name a FILE")
    return sys.stdin.buffer
