"""Says what this machine lacks for the lab, for Compose and for the cluster, one line each with the remedy.

`make doctor` runs it before anything is installed, so the standard library is all it has; nothing is changed, and
nothing but this machine is asked. It can be read by a Python that is too old for the rest, to say just that.

Exit codes:
    0: `make lab` has what it needs; what Compose and the cluster lack is told, but they are optional.
    1: `make lab` lacks something (make itself then ends with 2, as always).
"""

from __future__ import annotations  # for the Pythons that are too old

import argparse
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scripts import REPOSITORY
from scripts.setup.diagnosis import (
    MISSING,
    OK,
    OLD,
    REMEDIES,
    WARNING,
    Check,
    Engine,
    assignments,
    check_context,
    check_engine,
    check_port,
    check_python,
    check_room,
    check_tool,
    exit_code,
    host_ports,
    neighbour,
    published_ports,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE_SECONDS = 10
# What the docker client knows of its engine.
QUESTIONS = (("version", "{{json .Server}}"), ("info", "{{json .}}"))


def ask(*command: str) -> tuple[int, str, str] | None:
    """Run a program; return its exit code and what it printed, or None where there is no such program."""
    try:
        done = subprocess.run(  # noqa: S603 - constants of this file
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, cwd=str(REPOSITORY)
        )
    except OSError:
        return None
    except subprocess.TimeoutExpired:
        return 1, "", f"{command[0]} did not answer within {PATIENCE_SECONDS} s"
    return done.returncode, done.stdout, done.stderr


def printed(*command: str) -> str | None:
    """Return what a program that succeeds prints; None where it fails, as docker does without a plugin."""
    answer = ask(*command)
    return answer[1] if answer and answer[0] == 0 else None


def read(name: str) -> str:
    """Return a file of the project."""
    return (REPOSITORY / name).read_text(encoding="utf-8")


def is_free(number: int) -> bool:
    """Tell whether a program may listen on a port of 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do: a port is free though connections that have ended still linger on it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def find_engine() -> Engine:
    """Ask the docker client where its engine is, and the engine what it is."""
    variable = os.environ.get("DOCKER_HOST", "")
    host = variable or (printed("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}") or "").strip()
    answers = [ask("docker", command, "--format", form) for command, form in QUESTIONS]
    for code, _, error in filter(None, answers):
        if code:
            return Engine(host, bool(variable), {}, {}, error, [one for one in engine_sockets() if one != host])
    version, info = (json.loads(answer[1]) or {} if answer else {} for answer in answers)
    return Engine(host, bool(variable), version, info)


def engine_sockets() -> list[str]:
    """Return the addresses of the sockets of Docker, rootless Docker, Docker Desktop and Podman that exist here."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "/nowhere")
    usual = (
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",
        str(Path.home() / ".docker" / "run" / "docker.sock"),
        f"{runtime}/podman/podman.sock",
    )
    return [f"unix://{path}" for path in usual if Path(path).is_socket()]


def physical_memory() -> int | None:
    """Return this machine's memory in bytes, or None where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows, and whatever does not know the names
        return None


def lab_checks(versions: Mapping[str, str]) -> list[Check]:
    """Look at what `make lab` needs."""
    absent = [module for module in ("ensurepip", "venv") if importlib.util.find_spec(module) is None]
    python = check_python(sys.version_info[:2], absent, versions["LEAST_PYTHON_VERSION"])
    return [
        python,
        *([] if python.status == OLD else [platform_check()]),
        check_tool("make", printed("make", "--version"), versions["LEAST_MAKE_VERSION"]),
        check_room("memory", physical_memory(), 1, WARNING, "close something: the lab may be slow"),
        check_room("disk", shutil.disk_usage(REPOSITORY).free, 1, MISSING, "make room: .venv takes half of it"),
    ]


def platform_check() -> Check:
    """Have the check that make runs in front of pip say whether there is an Envoy for this platform."""
    code, _, error = ask(sys.executable, "-m", "scripts.setup.platforms") or (1, "", f"{sys.executable} is gone")
    return Check(MISSING, error.strip().removeprefix("make: ")) if code else Check(OK, "a platform with Envoy")


def compose_checks(versions: Mapping[str, str]) -> list[Check]:
    """Look at what the images and docker-compose.yml need."""
    if printed("docker", "--version") is None:
        return [Check(MISSING, "docker", REMEDIES["docker"])]
    engine = find_engine()
    checks = [
        check_tool("docker compose", printed("docker", "compose", "version"), versions["LEAST_COMPOSE_VERSION"]),
        check_tool("docker buildx", printed("docker", "buildx", "version"), versions["LEAST_BUILDX_VERSION"]),
        check_engine(engine, versions["LEAST_DOCKER_VERSION"]),
    ]
    if not engine.error:
        folder = Path(engine.info.get("DockerRootDir") or REPOSITORY)
        disk = shutil.disk_usage(folder if folder.is_dir() else REPOSITORY).free
        give = "give it more (settings of Docker Desktop; podman machine set --memory)"
        checks += [
            check_room("memory of the engine", engine.info.get("MemTotal"), 4, WARNING, give),
            check_room("disk for images", disk, 8, WARNING, "make room: docker system df shows what takes it"),
        ]
    return checks + [
        check_port(port, f"stop what listens there, or take another: export {name}=...", free=is_free(port))
        for name, port in published_ports(read("docker-compose.yml"), os.environ).items()
    ]


def cluster_checks(versions: Mapping[str, str]) -> list[Check]:
    """Look at what the Kubernetes flows need beside Docker."""
    cluster = "kind-" + assignments(read("scripts/cluster/lib.sh"))["LAB_CLUSTER"]
    context = printed("kubectl", "config", "current-context") or ""
    stop = "stop what listens there, or change hostPort in scripts/cluster/kind.yaml"
    return [
        check_tool("kind", printed("kind", "version"), versions["LEAST_KIND_VERSION"]),
        check_tool("kubectl", printed("kubectl", "version", "--client"), neighbour(versions["KUBERNETES_VERSION"])),
        check_tool("istioctl", printed("istioctl", "version", "--remote=false"), versions["ISTIO_VERSION"]),
        *(check_port(port, stop, free=is_free(port)) for port in host_ports(read("scripts/cluster/kind.yaml"))),
        check_context(context.strip(), cluster),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Look at everything and print it; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args(argv)
    versions = assignments(read("versions.env"))
    lab = lab_checks(versions)
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for title, checks in (
        ("make lab, make test", lab),
        ("images and docker compose", compose_checks(versions)),
        ("the flows on Kubernetes (beside Docker)", cluster_checks(versions)),
    ):
        print(title, *(check.line(coloured=coloured) for check in checks), sep="\n")
    return exit_code(lab)


if __name__ == "__main__":
    sys.exit(main())
