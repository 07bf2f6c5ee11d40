"""A machine without a network, made of namespaces: it reaches nothing but itself, and its engine has no image.

It has the files and the programs of the machine that it is made on, and neither that one's engine nor its clusters, nor
what its user's home keeps. To make it takes Linux and the rights of root (sudo); its commands have those of the user.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import processes

COMMAND_SECONDS: Final = 600.0
# /run has the sockets of the engine outside. A route leads nowhere but to the containers of the engine inside.
START: Final = """\
ip link set lo up
mount -t tmpfs tmpfs /run
echo $$ >"$1"
exec dockerd --config-file "$2"
"""
# Stand-ins for images are named by variables there, too.
KEPT: Final = ("PATH", "ISTIO_IMAGES")


@dataclass(frozen=True)
class Machine:
    """A running machine.

    Attributes:
        folder: where it has its home and its images.
    """

    folder: Path

    @property
    def _process(self) -> str:
        """The process whose namespaces it is, once it runs."""
        file = self.folder / "process"
        return file.read_text(encoding="utf-8").strip() if file.exists() else ""

    def run(self, command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a line of bash to its end, with no variables of the user but the PATH.

        Args:
            command: the line.
            folder: where it is run.
            environment: variables that it gets.

        Returns:
            Its exit code and what it printed, standard error included.
        """
        user = "--setgid", str(os.getgid()), "--setuid", str(os.getuid())
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        variables = {**kept, "HOME": str(self.folder), "LANG": "C.UTF-8", **environment}
        return processes.run(
            *as_root("nsenter", "--target", self._process, "--net", "--mount", *user),
            *("env", "--ignore-environment", f"--chdir={folder}", *(f"{name}={variables[name]}" for name in variables)),
            *("bash", "-c", f"exec 2>&1; {command}"),
            timeout_seconds=COMMAND_SECONDS,
        )

    def answers(self) -> bool:
        """Return whether its engine does."""
        return bool(self._process) and self.run("docker info", self.folder).returncode == 0

    def end(self) -> None:
        """End the engine, and with it what runs there, and remove its images."""
        if self._process:
            processes.run(*as_root("kill", self._process))


def as_root(*command: str) -> tuple[str, ...]:
    """Return a command with the rights of root."""
    return command if os.geteuid() == 0 else ("sudo", "--non-interactive", *command)


def engine_configuration(folder: Path) -> str:
    """Return the configuration of an engine that keeps its images in a folder and runs containers as the one here."""
    runtimes = {}
    here = json.loads(processes.run("docker", "info", "--format", "{{json .}}").stdout)
    default = here["DefaultRuntime"]
    if default != "runc":  # a name that cannot be configured
        runtimes = {"default-runtime": default, "runtimes": {default: {"path": here["Runtimes"][default]["path"]}}}
    return json.dumps({"data-root": str(folder), "group": str(os.getgid()), **runtimes})


@contextmanager
def machine_without_a_network(folder: Path) -> Iterator[Machine]:
    """Make a machine, and remove it, also at SIGTERM.

    Args:
        folder: an empty one.
    """
    assert sys.platform == "linux", "a machine without a network is made of Linux's namespaces: run this on Linux"
    configuration, engine = folder / "daemon.json", folder / "engine"
    configuration.write_text(engine_configuration(engine), encoding="utf-8")
    namespaces = as_root("unshare", "--net", "--mount", "--propagation", "private")
    start = *namespaces, "sh", "-ec", START, "sh", str(folder / "process"), str(configuration)
    log = folder / "log"
    machine = Machine(folder)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with log.open("w", encoding="utf-8") as file:
        running = subprocess.Popen(start, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        assert processes.wait_until(lambda: machine.answers() or running.poll() is not None), log.read_text("utf-8")
        assert running.poll() is None, log.read_text("utf-8")
        yield machine
    finally:
        machine.end()
        running.wait(COMMAND_SECONDS)
        processes.run(*as_root("rm", "-rf", str(engine)))
        signal.signal(signal.SIGTERM, before)
