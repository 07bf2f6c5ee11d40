"""`measure`: the load test, with the target, the host, the route and the share that the lab knows."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from canary_loadtest.core.message import Message
from scripts import REPOSITORY
from scripts.lab import control
from scripts.lab.errors import LabError, UsageError
from scripts.lab.processes import INTERRUPTIONS, Command, spawn
from scripts.lab.prometheus import load_test_options
from scripts.lab.replicas import replicas_of
from scripts.lab.show import Configuration, read
from scripts.lab.state import LabState
from scripts.lab.terminal import WIDTH
from scripts.lab.translation import sidecar, translate
from scripts.proxy.served import Served, Share, served, taking

PATH: Final = "/test/test"
LINE_END: Final = " \\"
CANARY_SHARES: Final = {"v1": 0.0, "v2": 1.0}
# What a short run takes, unless an option or the load test's own variable says otherwise: the flags, and the variable.
DEFAULTS: Final[Sequence[tuple[Sequence[str], str, Sequence[str]]]] = (
    (("-u", "--users"), "LOCUST_USERS", ("-u", "10")),
    (("-r", "--spawn-rate"), "LOCUST_SPAWN_RATE", ("-r", "10")),
    (("-t", "--run-time"), "LOCUST_RUN_TIME", ("-t", "60s")),
)


@dataclass(frozen=True)
class Target:
    """What is measured.

    Attributes:
        url: where the lab listens.
        host: the Host header.
        canary_percent: the share that is expected of the canary.
        route_name: the name that the answers have to name, "" for any.
    """

    url: str
    host: str
    canary_percent: float
    route_name: str


def measure(options: argparse.Namespace) -> int:
    """Print the load test's command line, run it, and return its exit code."""
    state = control.running(options.dir)
    traffic_state = options.dir.read_traffic_state()
    manifests = traffic_state.manifests
    host = sidecar.inside_host(manifests) if options.inside else translate.host_to_ask(manifests)
    has_stand_ins = bool(traffic_state.assumed.canary)
    target = target_of(state, options.load_test, host, inside=options.inside, has_stand_ins=has_stand_ins)
    return run(target, [*options.load_test, *load_test_options(state, options.load_test, os.environ)])


def target_of(
    state: LabState, more: Sequence[str], usual_host: str, *, inside: bool = False, has_stand_ins: bool = False
) -> Target:
    """Return what a load test with some options measures: the route that takes its requests, and its weights.

    Args:
        state: the running lab.
        more: options of the load test, such as `--header`, which may select another route.
        usual_host: the Host to ask for unless an option says otherwise.
        inside: whether the client is inside the mesh.
        has_stand_ins: whether the replicas stand for somebody's subsets, whose names then do not tell the version.

    Raises:
        LabError: Envoy does not answer, or no route takes the requests.
        UsageError: the share cannot be known.
    """
    host = _last(more, "--host-header") or usual_host
    headers = dict(line.split(":", 1) for line in _values(more, "--header") if ":" in line)
    configuration = read(state.admin_url, inside=inside)
    routes = served(configuration.routes)
    route = taking(routes, host, PATH, {name: value.strip() for name, value in headers.items()})
    if _last(more, "--expect-canary") is not None:
        percent = 0.0  # the option that is passed on says which
    elif route is None:
        hosts = ", ".join(dict.fromkeys(name for one in routes for name in one.hosts)) or Message("no host")
        raise LabError(
            Message(
                "no route takes {path} of {host}: such requests get 404, so there is no share to expect. "
                "Envoy has routes for {hosts}: name one with --host-header, or shift to a VirtualService "
                "that takes them",
                path=PATH,
                host=host,
                hosts=hosts,
            )
        )
    else:
        percent = _canary_percent(route, configuration, state, {} if has_stand_ins else CANARY_SHARES)
    return Target(state.inside_url if inside else state.url, host, percent, route.name_on_answers if route else "")


def run(target: Target, more: Sequence[str], hidden: Sequence[str] = ()) -> int:
    """Print the load test's command line, run it in the foreground, and return its exit code.

    Args:
        target: what is measured.
        more: options of the load test that come on top, or replace those that the lab chooses.
        hidden: options that are not printed.

    Raises:
        LabError: a signal ended the load test.
    """
    loadtest = min(str(REPOSITORY / "loadtest"), os.path.relpath(REPOSITORY / "loadtest"), key=len)
    python = min(sys.executable, os.path.relpath(sys.executable), key=len)
    argv = [python, loadtest, "locust", *_arguments(target, more, os.environ)]
    print(in_lines(argv), flush=True)
    # A session of its own: one Ctrl-C reaches it once, passed on from here, and it prints its verdict.
    process = spawn(Command("load-test", [*argv, *hidden], os.environ))
    before = {number: signal.signal(number, lambda number, _: process.send_signal(number)) for number in INTERRUPTIONS}
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code < 0:
        raise LabError(
            Message("The load test was killed by {name}; there is no verdict", name=signal.Signals(-code).name)
        )
    return code


def _arguments(target: Target, more: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return the load test's options: those that the lab knows, where `more` has no other."""
    own = ["--headless", "--skip-log-setup"]
    for flags, variable, default in DEFAULTS:
        if variable not in environment and not any(_names(option, flag) for option in more for flag in flags):
            own += default
    own += ["--host", target.url]
    known = {
        "--host-header": target.host,
        "--expect-canary": f"{target.canary_percent:g}",
        "--route": target.route_name,
    }
    for flag, value in known.items():
        if value and _last(more, flag) is None:
            own += [flag, value]
    return [*own, *more]


def in_lines(argv: Sequence[str]) -> str:
    """Return a command as a person types it, in lines that fit a terminal; it can be copied as it is."""
    lines = ["$"]
    for word in map(shlex.quote, argv):
        if len(lines[-1]) + len(word) + len(" " + LINE_END) > WIDTH:
            lines.append(" ")
        lines[-1] += f" {word}"
    return f"{LINE_END}\n".join(lines)


def _names(option: str, flag: str) -> bool:
    """Return whether an argument is a flag, with or without its value."""
    return option == flag or option.startswith(f"{flag}=" if flag.startswith("--") else flag)


def _last(more: Sequence[str], flag: str) -> str | None:
    """Return the value of an option of the load test, None where it is not given."""
    return next(reversed(_values(more, flag)), None)


def _values(more: Sequence[str], flag: str) -> list[str]:
    """Return the values of an option that may be given several times, as `--flag VALUE` or `--flag=VALUE`."""
    joined = [option.partition("=")[2] for option in more if option.startswith(f"{flag}=")]
    return joined + [value for option, value in pairwise(more) if option == flag]


def _canary_percent(route: Served, configuration: Configuration, state: LabState, named: Mapping[str, float]) -> float:
    """Return the share of the canary that the weights of a route make; `named` is the canary's part by subset."""
    if not route.shares:
        raise LabError(
            Message(
                "The route {name} leads to no version: {action}",
                name=route.name or Message("without a name"),
                action=route.action,
            )
        )
    # The name comes first, so that a subset v2 whose labels select the pods of v1 is found out, not expected.
    parts = [
        named[share.version] if share.version in named else _canary_share(share, configuration, state)
        for share in route.shares
    ]
    return sum(share.weight_percent * part for share, part in zip(route.shares, parts, strict=True))


def _canary_share(share: Share, configuration: Configuration, state: LabState) -> float:
    """Return the canary's part of a destination: the ratio of its replicas."""
    found = versions_behind(share.cluster, configuration, state)
    if not found:
        raise UsageError(
            Message(
                "{version} has no replica, so its weight of {weight_percent:g} % is of neither version: "
                "say what to expect with --expect-canary PERCENT",
                version=share.version,
                weight_percent=share.weight_percent,
            )
        )
    return found.count("v2") / len(found)


def versions_behind(cluster: str, configuration: Configuration, state: LabState) -> list[str]:
    """Return the version of each replica of the lab that a cluster of Envoy leads to."""
    versions = {replica.socket_path: replica.version for replica in replicas_of(state)}
    statuses = [one for one in configuration.endpoints if one.get("name") == cluster]
    paths = [
        host["address"].get("pipe", {}).get("path", "") for one in statuses for host in one.get("hostStatuses", ())
    ]
    return [versions[path] for path in paths if path in versions]
