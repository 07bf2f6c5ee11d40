"""What `up`, `shift`, `status`, `down` and `run` print, and their exit codes.

Each function takes the parsed options of the command of its name and returns its exit code.
"""

import argparse
import json
import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from canary_loadtest.core.message import Message
from scripts import REPOSITORY
from scripts.lab import assumed, control, demo
from scripts.lab import status as lab_status
from scripts.lab.entries import entry, request, watch
from scripts.lab.ports import ANY_FREE_PORT, Ports
from scripts.lab.show import HOST_HEADER, described, served_routes
from scripts.lab.terminal import print_error, told

EXIT_FINE: Final = 0
EXIT_FAILED: Final = 1


def up(options: argparse.Namespace) -> int:
    """Start a lab and print how to use it."""
    started = time.monotonic()
    ports = Ports(options.port, _prometheus_port(options), options.metrics_port or ANY_FREE_PORT)
    applied = control.up(
        options.dir,
        _files(options),
        ports=ports,
        replicas=options.replicas,
        assumed=assumed.of_options(options),
        otherwise=_otherwise(),
    )
    seconds = time.monotonic() - started
    state = control.running(options.dir)
    _warn(applied.warnings)
    of_load_test = Message("of a load test with --metrics-port {port}", port=state.metrics_port)
    lines = [
        Message("The lab is ready after {seconds:.1f} s at {url}:", seconds=seconds, url=state.url),
        Message(
            "{stable} replicas of v1, {canary} of v2.",
            stable=state.groups * options.replicas,
            canary=options.replicas,
        ),
        described(served_routes(state.admin_url), host=applied.host),
        *assumed.stand_in(applied.stand_in, applied.others),
        "",
        request(applied.host, f"{state.url}/test/test"),
        entry(Message("inside"), f"curl -H 'Host: {applied.inside_host}' \\"),
        f"            {state.inside_url}/test/test",
        watch(state.page_url),
        entry(Message("shift"), options.dir.command("shift", _next_state(options.state))),
        entry(Message("status"), options.dir.command("status")),
        *([entry(Message("metrics"), state.prometheus_url)] if state.prometheus_url else []),
        *([entry("", of_load_test)] if state.metrics_port else []),
        entry(Message("stop"), options.dir.command("down")),
    ]
    _print("\n".join(map(told, lines)))
    return EXIT_FINE


def shift(options: argparse.Namespace) -> int:
    """Apply manifest files to the running lab and print the routes that are served."""
    applied = control.shift(options.dir, options.files, assumed.of_options(options))
    _warn(applied.warnings)
    state = control.running(options.dir)
    duration = Message("after {milliseconds:.0f} ms", milliseconds=applied.duration_seconds * 1000)
    _print(described(served_routes(state.admin_url), duration, applied.host))
    for line in assumed.stand_in(applied.stand_in, applied.others):
        _print(line)
    if applied.host != HOST_HEADER:
        _print(request(applied.host, f"{state.url}/test/test"))
    return EXIT_FINE


def status(options: argparse.Namespace) -> int:
    """Print the state of the lab and of its processes."""
    found = lab_status.read(options.dir)
    if options.json:
        _print(json.dumps(found.to_dict() if found else {"phase": "none", "processes": []}, ensure_ascii=False))
    elif found:
        _print(lab_status.render(found, options.dir))
    else:
        _print(
            Message(
                "No lab runs in {path}. Start one with:\n  {command}",
                path=options.dir.path,
                command=options.dir.command("up"),
            )
        )
    return EXIT_FINE if found and found.is_well else EXIT_FAILED


def down(options: argparse.Namespace) -> int:
    """Stop the lab and print whether there was one."""
    was_there = control.down(options.dir)
    _print(
        Message("Stopped; nothing is left running.")
        if was_there
        else Message("No lab runs in {path}: nothing to stop.", path=options.dir.path)
    )
    return EXIT_FINE


def run(options: argparse.Namespace) -> int:
    """Show the whole canary once."""
    shifted = _below_istio("virtual-service-0-100.yaml")
    return demo.run([*_files(options), *_otherwise()], shifted, replicas=options.replicas, print_line=_print)


def _files(options: argparse.Namespace) -> list[str]:
    state = options.state or _below_istio("virtual-service-70-30.yaml")
    return [file for file in (options.gateway, state, options.destination_rule) if file]


def _otherwise() -> list[str]:
    """Return the files for the kinds that the user's do not have."""
    return [_below_istio("gateway.yaml"), _below_istio("destination-rule.yaml")]


def _next_state(state: str | None) -> str:
    """Return what to shift to after `up`: the end of the release, or somebody's own files, once they are edited."""
    if state is None or (REPOSITORY / "istio") in Path(state).resolve().parents:
        return "istio/virtual-service-0-100.yaml"
    return f"{shlex.quote(state)}  # after an edit"


def _below_istio(name: str) -> str:
    """Return a file below istio/, by the shorter of its paths."""
    path = REPOSITORY / "istio" / name
    return min(str(path), os.path.relpath(path), key=len)


def _prometheus_port(options: argparse.Namespace) -> int | None:
    """Return the port that Prometheus is to have, None for no Prometheus."""
    is_asked_for = options.prometheus or options.metrics_port is not None
    if is_asked_for and options.prometheus_port is None:
        return ANY_FREE_PORT
    port: int | None = options.prometheus_port
    return port


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print_error("warning", warning)


def _print(text: str) -> None:
    print(told(text), flush=True)  # at once: the load test writes to the same terminal
