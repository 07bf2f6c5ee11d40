"""The command line of a rollout by commands: `python -m scripts.rollout --help`."""

import argparse
import io
import shlex
import signal
import sys
from collections.abc import Sequence
from typing import Final

from canary_loadtest.output.language import told
from canary_loadtest.output.text import filled
from scripts import REPOSITORY
from scripts.rollout.commands import CommandMachine
from scripts.rollout.engine import roll_out
from scripts.rollout.file import RolloutFile
from scripts.rollout.rules.record import RolloutError
from scripts.rollout.start import EXIT_CODES_HELP, add_options, begin, wanted

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130
CLUSTER_SETTLE_SECONDS: Final = 10.0
LOCALE: Final = REPOSITORY / "scripts" / "locale"
EXAMPLES: Final = """examples:
  python -m scripts.rollout --steps 10,50 --url http://127.0.0.1:19080 \\
    --set-weight './set-weight.sh {weight} {route}' \\
    --load-test 'python loadtest locust --headless -u 10 -t 300s
                 --host http://127.0.0.1:19080'"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Roll out by two commands, and return the exit code, as `--help` explains it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale of any kind may ask for Chinese
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, which ends the load test, too
    file = RolloutFile(options.record)
    try:
        with file.lock() as lock:
            record = begin(file, wanted(options.steps, (), options.subject or _address(options)), _print)
            machine = CommandMachine(
                shlex.split(options.set_weight), shlex.split(options.load_test), options.url, options.host, (lock,)
            )
            return roll_out(machine, file, record, _print, settle_seconds=options.settle)
    except RolloutError as error:
        print(f"rollout: {told(str(error), LOCALE)}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("rollout: interrupted; the same command goes on with the same counts", file=sys.stderr)
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.rollout",
        description="Release a canary step by step, each step by the load test's verdict.",
        epilog=f"{EXAMPLES}\n\n{EXIT_CODES_HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--set-weight",
        metavar="COMMAND",
        required=True,
        help="sets a weight and ends when it is served; {weight} and {route} in it become such as 30 and 70-30",
    )
    parser.add_argument(
        "--load-test",
        metavar="COMMAND",
        required=True,
        help="the load test, to which the options of each step are added",
    )
    parser.add_argument("--url", required=True, help="where the requests go that prove a rollback")
    parser.add_argument("--host", metavar="HOST", default="", help="their Host header (default: that of the URL)")
    parser.add_argument(
        "--subject",
        metavar="TEXT",
        default="",
        help="what is released, such as an image: a record of something else is not gone on with (default: the"
        " address and its Host)",
    )
    parser.add_argument(
        "--settle",
        metavar="SECONDS",
        type=float,
        default=CLUSTER_SETTLE_SECONDS,
        help="how long after a rollback its proof begins (default: %(default)g)",
    )
    add_options(parser, "rollout.json")
    return parser


def _address(options: argparse.Namespace) -> str:
    return f"{options.url} {options.host}".strip()


def _print(line: str) -> None:
    print(filled(told(line, LOCALE), "    "), flush=True)


if __name__ == "__main__":
    sys.exit(main())
