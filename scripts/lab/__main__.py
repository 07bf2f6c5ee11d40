"""The command line of the lab: `python -m scripts.lab --help`.

People call it, and `make lab`. It reads arguments, calls `control`, `status` or `demo`, and turns what comes of it
into lines and an exit code.
"""

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts import REPOSITORY
from scripts.lab import control, demo, status
from scripts.lab.state import PROGRAM, LabError, LabFolder, Ports, UsageError
from scripts.lab.terminal import print_error, wrapped
from scripts.lab.translation.manifests import ManifestError

EXIT_FINE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
REPLICA_LIMIT = 9
PORT_LIMIT = 65535

EXIT_CODES = """exit codes:
  0    success; status: the lab is ready and every process is alive;
       run: both splits are CONFIRMED
  1    failure, explained by the message; status: a process is dead, or no lab
       runs
  2    wrong usage, or a manifest that the lab refuses; nothing has changed
  10   run only: a split is REFUTED
  11   run only: a split is INCONCLUSIVE
  130  interrupted (Ctrl-C); run and up leave nothing behind
"""
EXAMPLES = {
    "up": ("up", "up --port 8080 --replicas 3", "up --prometheus", "up --state istio/virtual-service-90-10.yaml"),
    "shift": ("shift istio/virtual-service-0-100.yaml", "shift istio/destination-rule-overload.yaml"),
    "status": ("status", "status --json"),
    "down": ("down", "down --dir /tmp/second-lab"),
    "run": ("run", "run --replicas 1"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what stands behind `python -m scripts.lab`; None for the process's own.

    Returns:
        The exit code, as `--help` explains it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # the answers are Chinese, whatever LANG says
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except (ManifestError, UsageError) as error:
        return _fail(error, EXIT_USAGE)
    except LabError as error:
        return _fail(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:  # `| head`: what was asked for is done, and nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FINE


def up(options: argparse.Namespace) -> int:
    """Start a lab and print how to use it."""
    started = time.monotonic()
    ports = Ports(options.port, _prometheus_port(options))
    applied = control.up(options.dir, _files(options), ports=ports, replicas=options.replicas)
    state = control.running(options.dir)
    url = state.url
    _warn(applied)
    this = f" --dir {options.dir.path}" if options.dir.path != Path(".lab") else ""
    _say(
        f"The lab is ready after {time.monotonic() - started:.1f} s at {url}:\n"
        f"{options.replicas} replicas of v1, {options.replicas} of v2, routes {', '.join(applied.route_names)}.\n\n"
        f"  request  curl -H 'Host: {demo.HOST_HEADER}' \\\n"
        f"             {url}/test/test\n"
        f"  watch    {state.page_url} (in a browser)\n"
        f"  shift    {PROGRAM} shift{this} istio/virtual-service-0-100.yaml\n"
        f"  status   {PROGRAM} status{this}\n"
        f"{f'  metrics  {state.prometheus_url}' + chr(10) if state.prometheus_url else ''}"
        f"  stop     {PROGRAM} down{this}"
    )
    return EXIT_FINE


def shift(options: argparse.Namespace) -> int:
    """Apply manifest files to the running lab."""
    applied = control.shift(options.dir, options.files)
    _warn(applied)
    routes = ", ".join(applied.route_names) or "routes without a name"
    _say(f"Envoy serves {routes} after {applied.duration_seconds * 1000:.0f} ms.")
    return EXIT_FINE


def show_status(options: argparse.Namespace) -> int:
    """Print the state of the lab and of its processes."""
    found = status.read(options.dir)
    if options.json:
        _say(json.dumps(found.to_dict() if found else {"phase": "none", "processes": []}, ensure_ascii=False))
    elif found:
        _say(status.render(found, options.dir))
    else:
        _say(wrapped(f"No lab runs in {options.dir.path}. Start one with:\n  {PROGRAM} up"))
    return EXIT_FINE if found and found.is_well else EXIT_FAILED


def down(options: argparse.Namespace) -> int:
    """Stop the lab."""
    was_there = control.down(options.dir)
    _say("Stopped; nothing is left running." if was_there else f"No lab runs in {options.dir.path}: nothing to stop.")
    return EXIT_FINE


def run(options: argparse.Namespace) -> int:
    """Start a lab, measure 70/30, shift to 0/100, measure again, and stop it."""
    return demo.run(_files(options), options.shifted, replicas=options.replicas, say=_say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Run two versions of a service behind a real Envoy, configured from istio/*.yaml.",
        epilog=f"{_examples(*EXAMPLES)}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function in (("up", up), ("shift", shift), ("status", show_status), ("down", down), ("run", run)):
        command = commands.add_parser(
            name,
            help=function.__doc__,
            description=function.__doc__,
            epilog=f"{_examples(name)}\n{EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(command=function)
        _add_options(name, command)
    return parser


def _add_options(name: str, command: argparse.ArgumentParser) -> None:
    """Add the options that the command called `name` takes."""
    if name in ("up", "run"):
        state, rule = _default("virtual-service-70-30.yaml"), _default("destination-rule.yaml")
        command.add_argument(
            "--replicas", type=_whole(1, REPLICA_LIMIT), default=2, help="replicas of each version (default: 2)"
        )
        command.add_argument("--destination-rule", metavar="FILE", default=rule, help="(default: %(default)s)")
        command.add_argument(
            "--gateway", metavar="FILE", default=_default("gateway.yaml"), help="(default: %(default)s)"
        )
        if name == "run":
            command.set_defaults(state=state, shifted=_default("virtual-service-0-100.yaml"))
            return
        command.add_argument("--state", metavar="FILE", default=state, help="VirtualService (default: %(default)s)")
        command.add_argument(
            "--port", type=_whole(0, PORT_LIMIT), default=0, help="port on 127.0.0.1 (default: 0, a free one)"
        )
        command.add_argument("--prometheus", action="store_true", help="also start a Prometheus that scrapes them all")
        command.add_argument(
            "--prometheus-port",
            type=_whole(0, PORT_LIMIT),
            help="port of Prometheus on 127.0.0.1; implies --prometheus (default: 0, a free one)",
        )
    if name == "shift":
        command.add_argument("files", metavar="FILE", nargs="+", help="a VirtualService, a DestinationRule, or both")
    if name == "status":
        command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument(
        "--dir", metavar="FOLDER", type=_folder, default=_folder(".lab"), help="folder of the lab (default: .lab)"
    )


def _examples(*names: str) -> str:
    return "\n".join(["examples:", *(f"  {PROGRAM} {example}" for name in names for example in EXAMPLES[name]), ""])


def _whole(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers within bounds, whose errors name them."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def _folder(path: str) -> LabFolder:
    return LabFolder(Path(path))


def _default(name: str) -> str:
    """Return a file below istio/, by the shorter of its names."""
    path = REPOSITORY / "istio" / name
    return min(str(path), os.path.relpath(path), key=len)


def _files(options: argparse.Namespace) -> list[str]:
    return [options.gateway, options.state, options.destination_rule]


def _prometheus_port(options: argparse.Namespace) -> int | None:
    """Return the port that Prometheus is to have, None where it is not asked for."""
    if options.prometheus and options.prometheus_port is None:
        return 0
    port: int | None = options.prometheus_port
    return port


def _warn(applied: control.Applied) -> None:
    for warning in applied.warnings:
        print_error("warning", warning)


def _say(text: str) -> None:
    print(text, flush=True)  # at once: the load test writes to the same terminal


def _fail(problem: object, exit_code: int) -> int:
    print_error("lab", problem)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
