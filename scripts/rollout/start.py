"""Where a rollout begins: at 0 %, or where an earlier one of the same file was left."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from scripts.rollout.file import RolloutFile
from scripts.rollout.rules.record import Record, RolloutError, weights_of

DEFAULT_STEPS: Final = "10,50"
EXIT_CODES_HELP: Final = """exit codes:
  0    released: the canary has all traffic
  10   a step is REFUTED: rolled back, and the rollback is proved
  11   held: a step is INCONCLUSIVE, and traffic stays where it is
  12   rolled back, but requests may still reach the canary
  1    a command failed: traffic stays at the last weight that was set
  2    wrong usage
  130  interrupted (Ctrl-C): traffic stays at the last weight that was set;
       the same command goes on with the same counts"""


def steps_percent(text: str) -> tuple[float, ...]:
    """Return the weights that a person typed, such as `10,50`, with 100 at the end.

    Raises:
        argparse.ArgumentTypeError: it is no list of percentages that rise.
    """
    try:
        return weights_of([float(word.strip().removesuffix("%")) for word in text.split(",")])
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of percentages: write 10,50") from None
    except RolloutError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_options(parser: argparse.ArgumentParser, record: str) -> None:
    """Add the options that every rollout has; `record` is the default of `--record`."""
    parser.add_argument(
        "--steps",
        metavar="PERCENT,...",
        type=steps_percent,
        default=steps_percent(DEFAULT_STEPS),
        help=f"the canary's weights on the way to 100 (default: {DEFAULT_STEPS})",
    )
    parser.add_argument(
        "--record",
        metavar="FILE",
        type=Path,
        default=Path(record),
        help="the file that keeps what was released, when, and on which counts (default: %(default)s)",
    )


def begin(
    file: RolloutFile, weights_percent: tuple[float, ...], load_test: tuple[str, ...], print_line: Callable[[str], None]
) -> Record:
    """Return the record to go on with, and say where it is; one that has ended is put aside.

    Raises:
        RolloutError: the file is no record, or one of a rollout with other steps or options.
    """
    record = file.read()
    if record is not None and record.ended:
        print_line(f"The record of the last rollout ({record.phase}) is kept as {file.put_aside(record)}")
        record = None
    if record is None:
        file.counts.unlink(missing_ok=True)
        return Record(weights_percent, load_test=load_test)
    if (record.weights_percent, record.load_test) != (weights_percent, load_test):
        raise RolloutError(
            f"{file.path} is at {record.weight_percent:g} % of a rollout with other steps or options: give the same"
            f" ones (--steps {','.join(f'{weight:g}' for weight in record.weights_percent)}"
            f" {' '.join(record.load_test)}), or name another file with --record"
        )
    print_line(f"Going on at {record.weight_percent:g} % ({record.phase}), with the counts so far")
    return record
