"""Lists what this machine lacks for the lab, for Compose and for the cluster: versions of tools, and ports in use.

`make doctor` runs it before anything is installed, so it uses the standard library only, and a Python that is too old
for the project can still read it. It changes nothing.

Exit codes:
    0: `make lab` has what it needs; Compose and the cluster are optional.
    1: `make lab` lacks something (make then exits with 2).
    130: interrupted (Ctrl-C).
"""

from __future__ import annotations  # for the Pythons that are too old

import importlib.util
import os
import re
import socket
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scripts import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMEOUT_SECONDS: Final = 10
OK, MISSING, OLD, WARNING = "ok", "missing", "old", "warning"
INDENT: Final = "\n" + " " * 11
REMEDY_CHARACTERS: Final = 69  # with the indent, 80
# By name: the command that prints the version, the variable with the oldest one, and how to get it.
MAKE: Final = {"make": ("make --version", "LEAST_MAKE_VERSION", "apt install make, or xcode-select --install")}
DOCKER: Final = {
    "docker engine": (
        "docker version --format {{.Server.Version}}",
        "LEAST_DOCKER_VERSION",
        "https://docs.docker.com/engine/install/",
    ),
    "docker compose": (
        "docker compose version",
        "LEAST_COMPOSE_VERSION",
        "https://docs.docker.com/compose/install/",
    ),
    "docker buildx": (
        "docker buildx version",
        "LEAST_BUILDX_VERSION",
        "https://docs.docker.com/build/install-buildx/",
    ),
}
CLUSTER: Final = {
    "kind": ("kind version", "LEAST_KIND_VERSION", "https://kind.sigs.k8s.io/docs/user/quick-start/"),
    "kubectl": ("kubectl version --client", "LEAST_KUBECTL_VERSION", "https://kubernetes.io/docs/tasks/tools/"),
    "istioctl": (
        "istioctl version --remote=false",
        "LEAST_ISTIO_VERSION",
        "for the Istio flow only: https://istio.io/latest/docs/setup/",
    ),
}
# By name: the variable with the version that the project was run with, for those where an older one may do.
RUN_WITH: Final = {"kind": "KIND_VERSION", "kubectl": "KUBERNETES_VERSION", "istioctl": "ISTIO_VERSION"}


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        status: `ok`, `missing`, `old` or `warning`.
        what: what was checked, and what was found.
        remedy: what to do; empty when nothing is to be done.
    """

    status: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the finding as it is printed: a line, and the remedy below it."""
        lines = textwrap.wrap(self.remedy, REMEDY_CHARACTERS, break_long_words=False, break_on_hyphens=False)
        return INDENT.join([f"  {self.status:<7}  {self.what}", *lines])


def numbers(text: str) -> tuple[int, ...] | None:
    """Return the first version number in a text, such as (1, 34, 4), or None."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, found[0].split("."))) if found else None


def assignments(text: str) -> dict[str, str]:
    """Return the variables that a file of shell assignments sets."""
    return dict(re.findall(r"^(\w+)=(\S*)$", text, re.MULTILINE))


def published_ports(compose: str, environment: Mapping[str, str]) -> dict[str, int]:
    """Return the fixed ports that a Compose file publishes on 127.0.0.1, by the variable that changes each."""
    found = re.findall(r"127\.0\.0\.1:\$\{(\w+):-(\d+)\}", compose)
    chosen = {name: environment.get(name) or default for name, default in found}
    return {name: int(port) for name, port in chosen.items() if port.isdecimal() and int(port)}


def check_python(found: tuple[int, int], absent: Sequence[str], least: str) -> Check:
    """Check a version of Python, and that it has the modules that Debian packages separately.

    Args:
        found: the version.
        absent: the modules that it lacks.
        least: the oldest version that works.
    """
    shown = ".".join(map(str, found))
    if found < (numbers(least) or ()):
        remedy = f"name a newer one: make doctor PYTHON=/path/to/python{least}"
        return Check(OLD, f"Python {shown} (needed: {least} or newer)", remedy)
    if absent:
        return Check(MISSING, f"{', '.join(absent)} for Python {shown}", f"apt install python{shown}-venv")
    return Check(OK, f"Python {shown}")


def check_platform() -> Check:
    """Check that there is an Envoy for this platform."""
    from scripts.setup.platforms import Platform, refusal  # noqa: PLC0415 - an old Python cannot read it

    here = Platform.here()
    return Check(OK, str(here)) if here.has_envoy() else Check(MISSING, "an Envoy", refusal(here))


def check_tool(name: str, command: str, least: str, remedy: str) -> Check:
    """Check that a program is there and new enough.

    Args:
        name: how it is called.
        command: prints its version.
        least: the oldest version that works, such as `2.26`.
        remedy: how to get it.
    """
    try:
        done = subprocess.run(  # noqa: S603 - constants of this file
            command.split(), capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        return Check(MISSING, name, ". ".join([*error.stderr.strip().splitlines()[-1:], remedy]))
    except (OSError, subprocess.TimeoutExpired):
        return Check(MISSING, name, remedy)
    found = numbers(done.stdout)
    if found is None:
        return Check(WARNING, f"{name} (unknown version)", f"{least} or newer is needed")
    shown = f"{name} {'.'.join(map(str, found))}"
    if found < (numbers(least) or ()):
        return Check(OLD, f"{shown} (needed: {least} or newer)", remedy)
    return Check(OK, shown)


def compared(check: Check, name: str, run_with: str) -> Check:
    """Return a finding that is good, as a warning where its version is not one that the project was run with.

    Args:
        check: the finding.
        name: of the program. kubectl supports one minor version next to its server's; others are fine if newer.
        run_with: the version that the project was run with.
    """
    found, tested = (numbers(text) or () for text in (check.what, run_with))
    if check.status != OK or not found:
        return check
    if found[:2] < tested[:2]:
        return Check(WARNING, check.what, f"it may do: the project was run with {run_with}")
    if name == "kubectl" and found[:2] > (tested[0], tested[1] + 1):
        return Check(
            WARNING, check.what, f"it may do: kubectl supports servers one minor older; this one is {run_with}"
        )
    return check


def check_port(number: int, remedy: str) -> Check:
    """Check that a program may listen on a port of 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do: a port is free even while closed connections linger on it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return Check(WARNING, f"port {number} of 127.0.0.1 is in use", f"unless this project uses it: {remedy}")
    return Check(OK, f"port {number}")


def checks(versions: Mapping[str, str]) -> dict[str, list[Check]]:
    """Check everything, and return the findings by what needs it; the lab is first."""
    absent = [module for module in ("ensurepip", "venv") if importlib.util.find_spec(module) is None]
    python = check_python(sys.version_info[:2], absent, versions["LEAST_PYTHON_VERSION"])
    platform = [] if python.status == OLD else [check_platform()]
    major, minor = (numbers(versions["KUBERNETES_VERSION"]) or (0, 0))[:2]
    oldest = {**versions, "LEAST_KUBECTL_VERSION": f"{major}.{minor - 1}"}  # what kubectl supports
    make, docker, cluster = (
        [check_tool(name, command, oldest[least], remedy) for name, (command, least, remedy) in tools.items()]
        for tools in (MAKE, DOCKER, CLUSTER)
    )
    cluster = [
        compared(check, name, versions[variable])
        for check, (name, variable) in zip(cluster, RUN_WITH.items())  # noqa: B905 - an old Python has no strict
    ]
    compose = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    kind = (REPOSITORY / "scripts" / "cluster" / "kind.yaml").read_text(encoding="utf-8")
    compose_ports = published_ports(compose, os.environ).items()
    return {
        "make lab, make test": [python, *platform, *make],
        "images and docker compose": [
            *docker,
            *(check_port(port, f"export {name}=OTHER-PORT") for name, port in compose_ports),
        ],
        "the flows on Kubernetes (in addition to Docker)": [
            *cluster,
            *(
                check_port(int(port), "scripts/cluster/up.sh --port OTHER-PORT --gateway-port OTHER-PORT")
                for port in re.findall(r"hostPort: (\d+)", kind)
            ),
        ],
    }


def main() -> int:
    """Print all findings and return the exit code."""
    found = checks(assignments((REPOSITORY / "versions.env").read_text(encoding="utf-8")))
    for title, findings in found.items():
        print(title, *findings, sep="\n")
    lab = next(iter(found.values()))
    return int(any(check.status in (MISSING, OLD) for check in lab))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
