"""Judges what `scripts.setup.doctor` has found on a machine, and knows the remedies; pure, so that any can be tested.

It can be read by a Python that is too old for the rest, which is then told so.
"""

from __future__ import annotations  # for the Pythons that are too old

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GIB = 2**30
OK, MISSING, OLD, WARNING = "ok", "missing", "old", "warning"
COLOURS = {OK: 32, MISSING: 31, OLD: 31, WARNING: 33}
# How to get each program.
REMEDIES = {
    "make": "install GNU make: apt install make, or xcode-select --install",
    "docker": "install it: https://docs.docker.com/engine/install/",
    "docker compose": "install the plugin: https://docs.docker.com/compose/install/",
    "docker buildx": "install the plugin: https://docs.docker.com/build/install-buildx/",
    "kind": "install it: https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    "kubectl": "install it: https://kubernetes.io/docs/tasks/tools/",
    "istioctl": "for the flow with Istio alone: https://istio.io/latest/docs/setup/getting-started/",
    "engine": "update it: https://docs.docker.com/engine/install/",
}
# What starts an engine, by what the socket's address shows of its kind; the first that fits.
STARTS = (
    ("podman", "start Podman's socket: systemctl --user start podman.socket (macOS: podman machine start)"),
    ("/.docker/", "start Docker Desktop"),
    ("/.colima/", "start it: colima start"),
    ("/run/user/", "start the rootless engine: systemctl --user start docker"),
    ("unix:///var/run/docker.sock", "start it: sudo systemctl start docker (macOS: open Docker Desktop)"),
)


@dataclass(frozen=True)
class Check:
    """One line of the answer.

    Attributes:
        status: `ok`, `missing`, `old` or `warning`.
        what: what was looked at, and what was found.
        remedy: what to do; empty where nothing is to be done.
    """

    status: str
    what: str
    remedy: str = ""

    def line(self, *, coloured: bool) -> str:
        """Return the line as it is shown."""
        status = f"{self.status:<7}"
        if coloured:
            status = f"\033[{COLOURS[self.status]}m{status}\033[0m"
        return f"  {status}  {self.what}{f': {self.remedy}' if self.remedy else ''}"


@dataclass(frozen=True)
class Engine:
    """What is known of the container engine.

    Attributes:
        host: the address of its socket, from DOCKER_HOST or else from the context.
        by_variable: whether DOCKER_HOST gave the address.
        version: what it says of itself, as `docker version` has it; empty where it does not answer.
        info: as `docker info` has it; empty where it does not answer.
        error: what the client complains of; empty where it answers.
        others: addresses of sockets of other engines that exist here.
    """

    host: str
    by_variable: bool
    version: Mapping[str, Any]
    info: Mapping[str, Any]
    error: str = ""
    others: Sequence[str] = ()


def numbers(text: str) -> tuple[int, ...] | None:
    """Return the first version in a text, such as (1, 34, 4), or None."""
    found = re.search(r"(\d+(?:\.\d+)+)", text)
    return tuple(map(int, found[1].split("."))) if found else None


def check_tool(name: str, printed: str | None, least: str) -> Check:
    """Judge a program by what it prints as its version.

    Args:
        name: what it is called, a key of `REMEDIES`.
        printed: its answer; None where the program is not there.
        least: the oldest version that will do, such as `2.26`.
    """
    remedy = REMEDIES[name]
    if printed is None:
        return Check(MISSING, name, remedy)
    found = numbers(printed)
    if found is None:
        return Check(WARNING, f"{name} says no version ({printed.strip()[:60]!r})", f"{least} or newer is needed")
    shown = ".".join(map(str, found))
    if found < (numbers(least) or ()):
        return Check(OLD, f"{name} {shown}, needed is {least} or newer", remedy)
    return Check(OK, f"{name} {shown}")


def check_python(found: tuple[int, int], absent: Sequence[str], least: str) -> Check:
    """Judge the Python that runs this: its version, and the modules that a Debian may have split off."""
    shown = ".".join(map(str, found))
    if found < (numbers(least) or ()):
        return Check(
            OLD, f"Python {shown}, needed is {least} or newer", f"name yours: make doctor PYTHON=/path/to/python{least}"
        )
    if absent:
        return Check(MISSING, f"Python {shown} without {', '.join(absent)}", f"apt install python{shown}-venv")
    return Check(OK, f"Python {shown}")


def check_engine(engine: Engine, least: str) -> Check:
    """Judge the engine: that it answers, its version and its kind; else say how to start this kind of it."""
    if engine.error:
        return Check(MISSING, f"engine at {engine.host} does not answer", engine_remedy(engine))
    version = str(engine.version.get("Version", ""))
    if "podman" in json.dumps(engine.version).lower() or "podman" in engine.host:
        remedy = "Compose and images work; for kind set KIND_EXPERIMENTAL_PROVIDER=podman, or use Docker"
        return Check(
            WARNING, f"engine at {engine.host} is Podman {version}, with which nothing here was tested", remedy
        )
    rootless = any("rootless" in str(option) for option in engine.info.get("SecurityOptions") or ())
    if rootless and str(engine.info.get("CgroupVersion")) != "2":
        remedy = "boot with systemd.unified_cgroup_hierarchy=1: limits and kind need it"
        return Check(WARNING, f"engine at {engine.host} is rootless without cgroup v2", remedy)
    checked = check_tool("engine", version, least)
    return replace(checked, what=f"{checked.what} at {engine.host}{', rootless' if rootless else ''}")


def engine_remedy(engine: Engine) -> str:
    """Return what to do about an engine that does not answer."""
    if "permission denied" in engine.error.lower():
        return "you may not use its socket: sudo usermod -aG docker $USER, then log in anew"
    if engine.others:
        return f"another engine's socket is here, use it: export DOCKER_HOST={engine.others[0]}"
    if engine.by_variable:
        return "the variable DOCKER_HOST names it: start that engine, or unset DOCKER_HOST"
    return next((start for mark, start in STARTS if mark in engine.host), f"start it ({engine.error.strip()[:120]})")


def check_room(name: str, found: int | None, least_gib: float, lack: str, remedy: str) -> Check:
    """Judge an amount of memory or disk.

    Args:
        name: such as `memory`.
        found: in bytes; None where it cannot be found out.
        least_gib: what is needed.
        lack: the status where there is less.
        remedy: what to do then.
    """
    if found is None:
        return Check(WARNING, f"{name} could not be found out", f"{least_gib:g} GiB are needed")
    if found < least_gib * GIB:
        return Check(lack, f"{name} {found / GIB:.1f} GiB, needed are {least_gib:g}", remedy)
    return Check(OK, f"{name} {found / GIB:.1f} GiB")


def check_port(number: int, remedy: str, *, free: bool) -> Check:
    """Judge a fixed port of 127.0.0.1: it is wanted free."""
    if free:
        return Check(OK, f"port {number}")
    return Check(WARNING, f"port {number} of 127.0.0.1 is in use", f"if not by this lab, {remedy}")


def check_context(current: str, wanted: str) -> Check:
    """Judge kubectl's current context: the flows refuse all but the lab's.

    Args:
        current: its name; empty where there is none yet.
        wanted: the lab's.
    """
    if current in ("", wanted):
        return Check(OK, f"kubectl context {current or f'(none yet; scripts/cluster/up.sh makes {wanted})'}")
    remedy = f"scripts/cluster/up.sh switches to {wanted}; on another cluster give the flows --context {current}"
    return Check(WARNING, f"kubectl context {current} is not the lab's", remedy)


def neighbour(version: str) -> str:
    """Return the Kubernetes version one minor below, whose kubectl may still be used: 1.33 for 1.34.4."""
    major, minor = version.split(".")[:2]
    return f"{major}.{int(minor) - 1}"


def published_ports(compose: str, environment: Mapping[str, str]) -> dict[str, int]:
    """Return the ports that a Compose file publishes on 127.0.0.1, by the variable that changes each."""
    found = re.findall(r"127\.0\.0\.1:\$\{(\w+):-(\d+)\}", compose)
    # 0 and what Compose itself refuses: no fixed port to look at.
    chosen = {name: environment.get(name) or default for name, default in found}
    return {name: int(port) for name, port in chosen.items() if port.isdecimal() and int(port)}


def host_ports(kind: str) -> list[int]:
    """Return the ports of this machine that a configuration of kind leads into the cluster."""
    return [int(port) for port in re.findall(r"hostPort: (\d+)", kind)]


def assignments(text: str) -> dict[str, str]:
    """Return what a file of shell assignments sets."""
    return dict(re.findall(r"^(\w+)=(\S*)$", text, re.MULTILINE))


def exit_code(lab: Sequence[Check]) -> int:
    """Return 1 where `make lab` lacks something, else 0; a warning is none."""
    return int(any(check.status in (MISSING, OLD) for check in lab))
