"""Where a rollout begins: at 0 %, or where an earlier one of the same file was left."""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from canary_loadtest.core.message import Message
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


def wanted(weights_percent: tuple[float, ...], options: Sequence[str], subject: str) -> Record:
    """Return the rollout that is asked for, before its first step.

    Args:
        weights_percent: the canary's weights, rising to 100.
        options: further options of the load test; its variables in the environment count like them.
        subject: what is released, and where.
    """
    variables = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("LOCUST_"))
    return Record(weights_percent, load_test=tuple(options), subject=subject, variables=tuple(variables))


def begin(file: RolloutFile, new: Record, print_line: Callable[[str], None]) -> Record:
    """Return the record to go on with, and say where it is; one that has ended is put aside.

    Args:
        file: the rollout's file.
        new: what is asked for.
        print_line: prints a line for a person.

    Raises:
        RolloutError: the file is no record, or one of a rollout with other steps or options, or of something else.
    """
    record = file.read()
    if record is not None and record.ended:
        kept = file.put_aside(record)
        print_line(Message("The record of the last rollout ({phase}) is kept as {file}", phase=record.phase, file=kept))
        record = None
    if record is None:
        file.counts.unlink(missing_ok=True)
        return new
    at = Message("{path} is at {weight_percent:g} % of a rollout", path=file.path, weight_percent=record.weight_percent)
    give_up = Message("begin another one with another file (--record)")
    if record.subject != new.subject:
        raise RolloutError(
            Message(
                "{at} of {former}, and this is {subject}: {give_up}",
                at=at,
                former=record.subject or Message("something else"),
                subject=new.subject,
                give_up=give_up,
            )
        )
    if _asked(record) != _asked(new):
        raise RolloutError(
            Message(
                "{at} with other steps or options: give the same ones ({asked}), or {give_up}",
                at=at,
                asked=_asked(record),
                give_up=give_up,
            )
        )
    print_line(
        Message(
            "Going on at {weight_percent:g} % ({phase}), with the counts so far",
            weight_percent=record.weight_percent,
            phase=record.phase,
        )
    )
    return record


def _asked(record: Record) -> str:
    """Return what must stay the same, as it was typed."""
    steps = ",".join(f"{weight:g}" for weight in record.weights_percent)
    return " ".join([*record.variables, f"--steps {steps}", *record.load_test])
