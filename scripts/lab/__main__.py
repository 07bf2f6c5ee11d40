"""The command line of the lab: `python -m scripts.lab --help`."""

import argparse
import importlib
import io
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from scripts.lab import assumed, render
from scripts.lab.errors import LabError, UsageError
from scripts.lab.state import LabFolder
from scripts.lab.terminal import PROGRAM, percent_of, print_error
from scripts.lab.translation.endpoints import HIGHEST_PORT
from scripts.lab.translation.manifests import ManifestError

EXIT_FINE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
REPLICA_LIMIT: Final = 9

EXIT_CODES: Final = """exit codes:
  0    success; status: the lab is ready and every process is alive;
       run: both splits are CONFIRMED; measure, guess: it is CONFIRMED;
       rollout: the canary is released
  1    failure, explained by the message; status: a process is dead, or no lab
       runs; check: there is an error or a warning
  2    wrong usage, or a manifest that the lab refuses; nothing has changed
  10   run, measure, guess: a split is REFUTED, or the canary by its errors;
       rollout: so is a step, and the rollback is proved
  11   run, measure, guess: a split is INCONCLUSIVE; rollout: held at a step
  12   rollout: taken back, but requests may still reach the canary
  130  interrupted (Ctrl-C); run and up leave nothing behind, guess restores
       the traffic state, rollout stays where it is and can be gone on with
"""


class Parser(argparse.ArgumentParser):
    """A parser, of commands too, whose errors fit a terminal."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and end with exit code 2."""
        self.print_usage(sys.stderr)
        print_error(f"{self.prog}: error", message)
        sys.exit(EXIT_USAGE)


class Command(NamedTuple):
    """A command of the lab.

    Attributes:
        module: the module with the function of the command's name, imported when it is called, because the image of
            `render` lacks what the other commands need.
        description: what it does.
        examples: calls of it, without the program.
        add_options: adds its options to its parser.
        passes_on: whether options that it does not know are the load test's.
    """

    module: str
    description: str
    examples: tuple[str, ...]
    add_options: Callable[[argparse.ArgumentParser], None]
    passes_on: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the arguments after `python -m scripts.lab`; None for the process's own.

    Returns:
        The exit code, as `--help` explains it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # the answers are Chinese, and LANG may be C
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = _parsed(arguments)
    try:
        return _function(options.command)(options)
    except ManifestError as error:
        _fail(error, EXIT_USAGE)
        return _point_to_check(options)
    except UsageError as error:
        return _fail(error, EXIT_USAGE)
    except LabError as error:
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:  # `| head`: the command is done, and its output is not read to the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FINE


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed options; `load_test` are those that are passed on to the load test."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown and not COMMANDS[options.command].passes_on:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    options.load_test = unknown
    return options


def _function(name: str) -> Callable[[argparse.Namespace], int]:
    function: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(COMMANDS[name].module), name)
    return function


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROGRAM,
        description="Run two versions of a service behind a real Envoy, configured from istio/*.yaml.",
        epilog=_epilog(*COMMANDS.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, command in COMMANDS.items():
        command.add_options(
            parsers.add_parser(
                name,
                help=command.description,
                description=command.description,
                epilog=_epilog(command),
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )
    return parser


def _epilog(*commands: Command) -> str:
    examples = [f"  {PROGRAM} {example}" for command in commands for example in command.examples]
    return "\n".join(["examples:", *examples, "", EXIT_CODES])


def _up_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--state",
        metavar="FILE",
        help="a VirtualService and what belongs to it, or a folder (default: istio/virtual-service-70-30.yaml)",
    )
    _first_state(command)
    assumed.add_options(command)
    command.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: 0, a free one)")
    command.add_argument("--prometheus", action="store_true", help="also start a Prometheus that scrapes the metrics")
    command.add_argument(
        "--prometheus-port",
        metavar="PORT",
        type=_port,
        help="port of Prometheus on 127.0.0.1; implies --prometheus (default: 0, a free one)",
    )
    command.add_argument(
        "--metrics-port",
        metavar="PORT",
        type=_port,
        help="port at which that Prometheus finds a load test, by the load test's option of the same name; implies "
        "--prometheus (default: 0, a free one)",
    )
    _folder_option(command)


def _shift_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "files", metavar="FILE", nargs="+", help="a VirtualService, a DestinationRule, or both; or a folder"
    )
    assumed.add_options(command)
    _folder_option(command)


def _status_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON")
    _folder_option(command)


def _show_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("host", metavar="HOST", nargs="?", help="host of the requests (default: each that Envoy has)")
    _measure_options(command)


def _measure_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--inside", action="store_true", help="as a client inside the mesh, by its sidecar, and not by the gateway"
    )
    _folder_option(command)


def _guess_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--bet", metavar="PERCENT", type=_percent, help="your bet, the share of v2 (default: asked on the terminal)"
    )
    command.add_argument("--seed", metavar="N", type=int, help="draw the split that N stands for (default: any)")
    _folder_option(command)


def _rollout_options(command: argparse.ArgumentParser) -> None:
    # As text: the image of `render` lacks scripts.rollout, which reads it.
    command.add_argument(
        "--steps",
        metavar="PERCENT,...",
        default="10,50",
        help="the canary's weights on the way to 100 (default: 10,50)",
    )
    command.add_argument(
        "--record",
        metavar="FILE",
        type=Path,
        help="the file that keeps what was released, when, and on which counts (default: rollout.json in the lab's"
        " folder)",
    )
    command.add_argument(
        "--canary-errors",
        metavar="PERCENT",
        type=_percent,
        default=0.0,
        help="the part of the canary's calls that fails",
    )
    command.add_argument(
        "--canary-delay",
        metavar="MILLISECONDS",
        type=_milliseconds,
        default=0,
        help="how much later the canary answers",
    )
    _folder_option(command)


def _run_options(command: argparse.ArgumentParser) -> None:
    command.set_defaults(state=None)
    _first_state(command)


def _check_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", metavar="FILE", nargs="+", help="a manifest, or a folder with manifests")
    command.add_argument("--json", action="store_true", help="print JSON")


def _first_state(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--destination-rule", metavar="FILE", help="DestinationRule (default: istio/destination-rule.yaml)"
    )
    command.add_argument("--gateway", metavar="FILE", help="Gateway (default: istio/gateway.yaml)")
    command.add_argument(
        "--replicas", metavar="N", type=_replicas, default=2, help="replicas of each version (default: 2)"
    )


def _folder_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--dir", metavar="FOLDER", type=_folder, default=".lab", help="folder of the lab (default: %(default)s)"
    )


def _percent(text: str) -> float:
    percent = percent_of(text)
    if percent is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage from 0 to 100")
    return percent


def _replicas(text: str) -> int:
    return _whole(text, 1, REPLICA_LIMIT)


def _milliseconds(text: str) -> int:
    return _whole(text, 0, 10_000)


def _port(text: str) -> int:
    return _whole(text, 0, HIGHEST_PORT)


def _whole(text: str, least: int, most: int) -> int:
    """Return a whole number within bounds; raises an error that names them."""
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def _folder(path: str) -> LabFolder:
    if not path:
        raise argparse.ArgumentTypeError("an empty name is not a folder")
    return LabFolder(Path(path))


def _fail(problem: object, exit_code: int) -> int:
    print_error("lab", problem)
    return exit_code


def _point_to_check(options: argparse.Namespace) -> int:
    """Print how to see more than the first fault of somebody's files; return the exit code of a refusal."""
    files = getattr(options, "files", None) or [file for file in [getattr(options, "state", None)] if file]
    if files:
        command = shlex.join(["check", *files])
        print(f"Everything that is wrong in these files at once:\n  {PROGRAM} {command}", file=sys.stderr)
    return EXIT_USAGE


COMMANDS: Final = {
    "up": Command(
        "scripts.lab.commands",
        "Start a lab and print how to use it.",
        (
            "up",
            "up --port 8080 --replicas 3",
            "up --prometheus",
            "up --state istio/virtual-service-90-10.yaml",
            "up --state my-folder --canary v2",
        ),
        _up_options,
    ),
    "shift": Command(
        "scripts.lab.commands",
        "Apply manifest files to the running lab.",
        (
            "shift istio/virtual-service-0-100.yaml",
            "shift istio/destination-rule-overload.yaml",
            "shift my-rule.yaml --assume-subsets",
        ),
        _shift_options,
    ),
    "status": Command(
        "scripts.lab.commands",
        "Print the state of the lab and of its processes.",
        ("status", "status --json"),
        _status_options,
    ),
    "show": Command(
        "scripts.lab.show",
        "Print what the lab's Envoy has: routes, weights, limits, endpoints.",
        ("show", "show --inside", "show micro-api.default.svc.cluster.local"),
        _show_options,
    ),
    "measure": Command(
        "scripts.lab.measure",
        "Run the load test against the lab and the weights that Envoy serves.",
        ("measure", "measure --inside", "measure -t 30s --keep-going", "measure --header 'x-canary: true'"),
        _measure_options,
        passes_on=True,
    ),
    "guess": Command(
        "scripts.lab.guess",
        "Shift to a hidden split, take your bet on it, and test the bet.",
        ("guess", "guess --bet 35 --seed 7"),
        _guess_options,
        passes_on=True,
    ),
    "rollout": Command(
        "scripts.lab.rollout",
        "Release the canary step by step, by the load test's verdicts.",
        (
            "rollout",
            "rollout --steps 5,25,50",
            "rollout --canary-errors 5",
            "rollout --canary-delay 50 --max-slowdown 2",
        ),
        _rollout_options,
        passes_on=True,
    ),
    "down": Command("scripts.lab.commands", "Stop the lab.", ("down", "down --dir /tmp/second-lab"), _folder_option),
    "run": Command(
        "scripts.lab.commands",
        "Start a lab, measure 70/30, shift to 0/100, measure again, and stop it.",
        ("run", "run --replicas 1"),
        _run_options,
    ),
    "render": Command(
        "scripts.lab.render",
        "Write Envoy's configuration for an Envoy that runs elsewhere.",
        (render.EXAMPLE,),
        render.add_options,
    ),
    "check": Command(
        "scripts.lab.check.commands",
        "Print what is wrong in manifest files, without a lab or a cluster.",
        ("check istio/virtual-service-70-30.yaml", "check --json FOLDER"),
        _check_options,
    ),
}


if __name__ == "__main__":
    sys.exit(main())
