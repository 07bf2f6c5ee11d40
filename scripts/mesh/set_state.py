"""A change of the mesh's traffic state: which files are applied in which order, and how long until they are served.

    python -m scripts.mesh.set_state apply 70-30 http://127.0.0.1:19080/test/test HOST 'kubectl --namespace=NAMESPACE'

It works on kubectl's current context and namespace, which scripts/mesh/set-state.sh chooses, and needs only Python's
own library: kubectl reads the YAML. Exit code: 0 served; 1 not served in time, or a command failed; 2 wrong usage, or
the cluster lacks something; 130 interrupted.
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
from typing import Any, Final

from scripts.mesh.kubectl import Kubectl
from scripts.mesh.route_stopwatch import FailedError, ask, measure, report
from scripts.proxy.route_names import ROUTE_HEADER, declared_weights, disagreement, route_name

GATEWAY_API: Final = "gateway-api/"
PATTERNS: Final = {
    "istio/virtual-service-*.yaml": "",
    "istio/mesh/virtual-service-*.yaml": "",
    "istio/gateway-api/http-route-*.yaml": GATEWAY_API,
}
VIRTUAL_SERVICE: Final = "virtualservice/micro-api-route"
HTTP_ROUTE: Final = "httproute/micro-api-route"
HTTP_ROUTE_DEFINITION: Final = "crd/httproutes.gateway.networking.k8s.io"
HTTP_ROUTE_GATEWAY: Final = "istio/gateway-api/gateway.yaml"  # names its own namespace
HTTP_ROUTE_SERVICES: Final = "istio/gateway-api/services.yaml"
ACCEPT_SECONDS: Final = 150
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
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


def routes_of(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the routes of a VirtualService or an HTTPRoute, in their order."""
    spec = manifest["spec"]
    return list(spec.get("http") or spec.get("rules") or ())


def wanted_answers(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Return what answers of a state are called by `route_stopwatch.ask`: with status 200, or with a fault's own."""
    faults = {
        f"{route_name(route)} (status {route['fault']['abort']['httpStatus']})"
        for route in routes_of(manifest)
        if "abort" in route.get("fault", {})
    }
    return frozenset(route_names(manifest)) | faults


def shares_of(manifest: Mapping[str, Any]) -> list[tuple[str, tuple[float, float]]]:
    """Return the name of each route, and the shares of v1 and v2 in percent."""
    return [(route_name(route), declared_weights(route)) for route in routes_of(manifest)]


@dataclass(frozen=True)
class Change:
    """One change of the traffic state.

    Attributes:
        file: the new state's manifest.
        url: where to ask for answers.
        host: the Host to ask for.
        kubectl: how kubectl is called.
        any_status: whether answers that are errors count, too, where they name a route.
    """

    file: str
    url: str
    host: str
    kubectl: Kubectl
    any_status: bool = False

    def make(self) -> None:
        """Apply the new state, then remove its twin of the other kind.

        In this order in both directions: a host that no route names is answered with 404.

        Raises:
            UsageError: the cluster lacks what the state needs, or has an object that kubectl cannot apply to.
            FailedError: the routes were not served in time, or with other weights, or a timed command failed.
            subprocess.CalledProcessError: another command failed.
        """
        if self.file.startswith("istio/gateway-api/"):
            self._set_http_route()
        else:
            self._set_virtual_service()

    def _set_virtual_service(self) -> None:
        self._timed(VIRTUAL_SERVICE, "apply", "--filename", self.file)
        if self.kubectl.found(HTTP_ROUTE):
            self.kubectl.run("delete", HTTP_ROUTE, f"--timeout={ACCEPT_SECONDS}s")

    def _set_http_route(self) -> None:
        if not self.kubectl.found(HTTP_ROUTE_DEFINITION):
            raise UsageError("the cluster does not know the Gateway API\n  add it with scripts/mesh/gateway-api.sh")
        self.kubectl.anywhere().run("apply", "--filename", HTTP_ROUTE_GATEWAY)
        self.kubectl.run("apply", "--filename", HTTP_ROUTE_SERVICES)
        if not self.kubectl.found(VIRTUAL_SERVICE):
            self._timed(HTTP_ROUTE, "apply", "--filename", self.file)
            return
        # While both name a host, the virtual service wins: the HTTP route serves from the moment of the deletion.
        self.kubectl.run("apply", "--filename", self.file)
        self.kubectl.run("wait", HTTP_ROUTE, f"--timeout={ACCEPT_SECONDS}s", f"--for=jsonpath={ACCEPTED}")
        self._timed(HTTP_ROUTE, "delete", VIRTUAL_SERVICE, f"--timeout={ACCEPT_SECONDS}s")

    def _timed(self, name: str, *arguments: str) -> None:
        # `create` and not `apply`, which would print what the cluster has already.
        text = self.kubectl.output("create", "--dry-run=client", "--output=json", "--filename", self.file)
        manifest = json.loads(text)
        before = self.kubectl.found(name)
        self._check_before(name, before)
        is_told_apart = before is None or _is_told_apart(shares_of(before), shares_of(manifest))
        self.kubectl.show(*arguments)
        wanted = wanted_answers(manifest)
        seconds, answers = measure(self.kubectl.command(*arguments), self._ask, wanted)
        if is_told_apart:
            print(report(seconds, answers, wanted))
        else:
            print(
                f"# other weights had the same name before, so the moment of the change is unknown: {_listed(before)}"
            )
        self._check_after(name, manifest)

    def _ask(self) -> str:
        """Return what one answer is called, by its route alone where any status will do."""
        name = ask(self.url, self.host)
        return name.partition(" (status ")[0] if self.any_status else name

    def _check_before(self, name: str, before: Mapping[str, Any] | None) -> None:
        annotations = (before or {}).get("metadata", {}).get("annotations", {})
        if "resourceVersion" in annotations.get(LAST_APPLIED, ""):
            delete = shlex.join(self.kubectl.command("delete", name))
            raise UsageError(
                f"kubectl cannot apply to {name}: `kubectl replace` has written a resourceVersion into it\n"
                f"  delete it, and run this again: {delete}"
            )

    def _check_after(self, name: str, manifest: Mapping[str, Any]) -> None:
        now = self.kubectl.found(name)
        if now is not None and shares_of(now) != shares_of(manifest):
            raise FailedError(f"the cluster declares other weights than {self.file}: {_listed(now)}")
        for route, shares in shares_of(manifest):
            if warning := disagreement(route, shares):
                print(f"# {warning}")


def _is_told_apart(before: list[tuple[str, tuple[float, float]]], after: list[tuple[str, tuple[float, float]]]) -> bool:
    """Return whether no route keeps its name and changes its weights."""
    known = dict(before)
    return all(known.get(name, shares) == shares for name, shares in after)


def _listed(manifest: Mapping[str, Any] | None) -> str:
    return "; ".join(f"{name}: v1 {v1:.4g} %, v2 {v2:.4g} %" for name, (v1, v2) in shares_of(manifest or {"spec": {}}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "list":
        print("\n".join(states()))
        return 0
    try:
        file = file_of(options.state)
        if options.command == "apply":
            Change(file, options.url, options.host, Kubectl.of(options.kubectl), options.any_status).make()
    except UsageError as error:
        print(f"set-state.sh: {error}", file=sys.stderr)
        return 2
    except FailedError as error:
        print(f"set-state.sh: {options.state}: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(error.stderr or "", end="", file=sys.stderr)  # where it was captured; otherwise it is printed already
        return 1
    except KeyboardInterrupt:
        return 130  # set-state.sh says so in one line
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.mesh.set_state", description="Set a traffic state.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="list the states")
    check = commands.add_parser("check", help="check that a state exists")
    apply = commands.add_parser("apply", help="apply a state, and wait until it is served")
    for command in (check, apply):
        command.add_argument("state", metavar="STATE", help="the state's name")
    apply.add_argument("--any-status", action="store_true", help="take errors that name the route for answers")
    apply.add_argument("url", metavar="URL", help="where to ask for answers")
    apply.add_argument("host", metavar="HOST", help="the Host to ask for")
    apply.add_argument("kubectl", metavar="KUBECTL", nargs="?", default="kubectl", help="how kubectl is called")
    return parser


if __name__ == "__main__":
    sys.exit(main())
