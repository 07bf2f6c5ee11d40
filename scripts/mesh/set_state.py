"""A change of the mesh's traffic state: which files are applied in which order, and how long until they are served.

    python3 -m scripts.mesh.set_state apply 70-30 http://127.0.0.1:19080/test/test HOST

It works on kubectl's current context and namespace, which scripts/mesh/set-state.sh chooses, and needs only Python's
own library: kubectl reads the YAML. Exit code: 0 served; 1 not served in time, or a command failed; 2 wrong usage.
"""

import argparse
import json
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.mesh.route_stopwatch import FailedError, ask, measure, report
from scripts.proxy.routes import ROUTE_HEADER

GATEWAY_API: Final = "gateway-api/"
PATTERNS: Final = {
    "istio/virtual-service-*.yaml": "",
    "istio/mesh/virtual-service-*.yaml": "",
    "istio/gateway-api/http-route-*.yaml": GATEWAY_API,
}
VIRTUAL_SERVICE: Final = "virtualservice/micro-api-route"
HTTP_ROUTE: Final = "httproute/micro-api-route"
HTTP_ROUTE_DEFINITION: Final = "crd/httproutes.gateway.networking.k8s.io"
HTTP_ROUTE_NEEDS: Final = ("istio/gateway-api/gateway.yaml", "istio/gateway-api/services.yaml")
ACCEPT_SECONDS: Final = 150
ACCEPTED: Final = '{.status.parents[0].conditions[?(@.type=="Accepted")].status}=True'


class UsageError(Exception):
    """The state does not exist, or the cluster lacks what it needs; `str()` says what to do."""


def states() -> dict[str, str]:
    """Return the file of each traffic state by the state's name, such as `70-30` or `gateway-api/70-30`."""
    return {
        prefix + path.stem.removeprefix("virtual-service-").removeprefix("http-route-"): str(path)
        for pattern, prefix in PATTERNS.items()
        for path in sorted(Path().glob(pattern))
    }


def file_of(state: str) -> str:
    """Return the file of a traffic state; raises UsageError where there is no such state."""
    known = states()
    if state not in known:
        listed = textwrap.fill(
            " ".join(known), 80, initial_indent="  it is one of ", subsequent_indent="  ", break_on_hyphens=False
        )
        raise UsageError(f"unknown state: {state}\n{listed}")
    return known[state]


def route_names(manifest: object) -> Iterator[str]:
    """Yield the names that a manifest's routes put on their answers, in the manifest's order.

    Args:
        manifest: a VirtualService (headers by their names) or an HTTPRoute (a list of names and values), as JSON.
    """
    if isinstance(manifest, Mapping):
        if ROUTE_HEADER in manifest:
            yield manifest[ROUTE_HEADER]
        if manifest.get("name") == ROUTE_HEADER:
            yield manifest["value"]
    if isinstance(manifest, Mapping | list):
        for part in manifest.values() if isinstance(manifest, Mapping) else manifest:
            yield from route_names(part)


@dataclass(frozen=True)
class Change:
    """One change of the traffic state.

    Attributes:
        file: the new state's manifest.
        url: where to ask for answers.
        host: the Host to ask for.
    """

    file: str
    url: str
    host: str

    def make(self) -> None:
        """Apply the new state, then remove its twin of the other kind.

        In this order in both directions: a host that no route names is answered with 404.

        Raises:
            UsageError: the cluster does not know the Gateway API, and the state needs it.
            FailedError: the routes were not served in time, or a timed command failed.
            subprocess.CalledProcessError: another command failed.
        """
        if self.file.startswith("istio/gateway-api/"):
            self._set_http_route()
        else:
            self._set_virtual_service()

    def _set_virtual_service(self) -> None:
        self._timed("kubectl", "apply", "--filename", self.file)
        if _is_declared(HTTP_ROUTE):
            _run("kubectl", "delete", HTTP_ROUTE)

    def _set_http_route(self) -> None:
        if not _is_declared(HTTP_ROUTE_DEFINITION):
            raise UsageError("the cluster does not know the Gateway API\n  add it with scripts/mesh/gateway-api.sh")
        apply = ("kubectl", "apply", "--filename", self.file)
        _run("kubectl", "apply", *(word for file in HTTP_ROUTE_NEEDS for word in ("--filename", file)))
        if not _is_declared(VIRTUAL_SERVICE):
            self._timed(*apply)
            return
        # While both name a host, the virtual service wins: the HTTP route serves from the moment of the deletion.
        _run(*apply)
        _run("kubectl", "wait", HTTP_ROUTE, f"--timeout={ACCEPT_SECONDS}s", f"--for=jsonpath={ACCEPTED}")
        self._timed("kubectl", "delete", VIRTUAL_SERVICE)

    def _timed(self, *command: str) -> None:
        # `create` and not `apply`, which would print what the cluster has already.
        manifest = _output("kubectl", "create", "--dry-run=client", "--output=json", "--filename", self.file)
        wanted = frozenset(route_names(json.loads(manifest)))
        _show(*command)
        seconds, answers = measure(command, lambda: ask(self.url, self.host), wanted)
        print(report(seconds, answers, wanted))


def _is_declared(name: str) -> bool:
    try:
        return bool(_output("kubectl", "get", name, "--ignore-not-found", "--output=name"))
    except subprocess.CalledProcessError:  # the cluster does not know the kind
        return False


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - kubectl, without a shell
    return done.stdout.strip()


def _show(*command: str) -> None:
    print(f"\n$ {shlex.join(command)}", flush=True)


def _run(*command: str) -> None:
    _show(*command)
    subprocess.run(command, check=True)  # noqa: S603 - kubectl, without a shell


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "list":
        print("\n".join(states()))
        return 0
    try:
        file = file_of(options.state)
        if options.command == "apply":
            Change(file, options.url, options.host).make()
    except UsageError as error:
        print(f"set-state.sh: {error}", file=sys.stderr)
        return 2
    except FailedError as error:
        print(f"set-state.sh: {options.state}: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(error.stderr or "", end="", file=sys.stderr)  # where it was captured; otherwise it is printed already
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m scripts.mesh.set_state", description="Set a traffic state.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="list the states")
    check = commands.add_parser("check", help="check that a state exists")
    apply = commands.add_parser("apply", help="apply a state, and wait until it is served")
    for command in (check, apply):
        command.add_argument("state", metavar="STATE", help="the state's name")
    apply.add_argument("url", metavar="URL", help="where to ask for answers")
    apply.add_argument("host", metavar="HOST", help="the Host to ask for")
    return parser


if __name__ == "__main__":
    sys.exit(main())
