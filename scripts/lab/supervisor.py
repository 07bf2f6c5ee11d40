"""The daemon of a lab: it starts all other processes, records what happens to them, and ends them when it ends.

It is `python -m scripts.lab.supervisor FOLDER`, which `up` starts; users do not call it.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.lab import envoy, prometheus
from scripts.lab.bootstrap import BROWSER_LISTENER, INSIDE_LISTENER, LISTENER, SCRAPE_LISTENER
from scripts.lab.errors import LabError
from scripts.lab.processes import (
    READY_TIMEOUT_SECONDS,
    Command,
    describe_death,
    start,
    started_at_seconds,
    stop,
    wait_until,
)
from scripts.lab.replicas import replicas_of, sockets_of
from scripts.lab.state import SUPERVISOR, LabFolder, LabState, ProcessRecord

if TYPE_CHECKING:
    import subprocess

ENVOY: Final = "envoy"
PROMETHEUS: Final = "prometheus"
WATCH_SECONDS: Final = 0.1


class StoppedError(Exception):
    """SIGTERM arrived before the lab was ready."""


class Supervisor:
    """Runs one lab from its start to its end."""

    def __init__(self, folder: LabFolder, state: LabState) -> None:
        """Supervise the lab that `state` describes; nothing is started yet."""
        self._folder = folder
        self._state = state
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._is_stopping = False

    def run(self) -> int:
        """Start everything, watch it until SIGTERM, end everything.

        Returns:
            The exit code: 0 after SIGTERM, 1 if the lab did not become ready.
        """
        signal.signal(signal.SIGTERM, self._on_sigterm)
        self._record(ProcessRecord(SUPERVISOR, None, os.getpid(), started_at_seconds(os.getpid())))
        try:
            self._start()
            while not self._is_stopping:
                self._record_dead()
                time.sleep(WATCH_SECONDS)
        except LabError as error:
            self._write(replace(self._state, phase="failed", failure=str(error)))
            return 1
        except StoppedError:
            return 0
        finally:
            self._end()
        return 0

    def _on_sigterm(self, *_: object) -> None:
        self._is_stopping = True

    def _start(self) -> None:
        """Start the replicas, Envoy and, if asked for, Prometheus; return when all of them answer."""
        self._launch(envoy.command(self._folder, dict(os.environ)))
        replicas = replicas_of(self._state)
        for replica in replicas:
            self._launch(replica.command())
        for replica in replicas:
            self._wait_for(replica.pod_name, replica.is_ready)
        self._wait_for(ENVOY, partial(envoy.has_admin, self._folder))
        with envoy.Admin(envoy.admin_url(self._folder)) as admin:
            self._wait_for(ENVOY, admin.is_ready)
            self._state = replace(
                self._state,
                port=admin.listener_port(LISTENER),
                browser_port=admin.listener_port(BROWSER_LISTENER),
                inside_port=admin.listener_port(INSIDE_LISTENER),
                admin_url=envoy.admin_url(self._folder),
            )
            if self._state.prometheus_port is not None:
                self._start_prometheus(admin.listener_port(SCRAPE_LISTENER))
        self._write(replace(self._state, phase="ready"))

    def _start_prometheus(self, scrape_port: int) -> None:
        """Start Prometheus, which scrapes the replicas through a listener of Envoy; return when it answers."""
        prometheus.write_configuration(self._folder, self._state, scrape_port, sockets_of(self._state))
        self._launch(prometheus.command(self._folder, self._state, dict(os.environ)))
        pid = self._children[PROMETHEUS].pid
        self._wait_for(PROMETHEUS, partial(prometheus.is_ready, pid))
        self._state = replace(self._state, prometheus_port=prometheus.port_of(pid))

    def _wait_for(self, name: str, condition: Callable[[], bool]) -> None:
        """Wait until a child is ready; raise LabError if any child dies first, or if it takes too long."""

        def is_decided() -> bool:
            self._record_dead()
            return self._is_stopping or any(self._dead()) or condition()

        in_time = wait_until(is_decided, READY_TIMEOUT_SECONDS)
        if self._is_stopping:
            raise StoppedError
        for record in self._dead():
            raise LabError(describe_death(self._folder, record))
        if not in_time:
            raise LabError(f"{name} was not ready within {READY_TIMEOUT_SECONDS:g} s; see {self._folder.log(name)}")

    def _dead(self) -> Iterator[ProcessRecord]:
        return (record for record in self._state.processes if record.exit_code is not None)

    def _launch(self, command: Command) -> None:
        process, record = start(command, self._folder.log(command.name))
        self._children[command.name] = process
        self._record(record)

    def _record_dead(self) -> None:
        """Record which children have died.

        None is restarted, unlike on Kubernetes: the lab shows what clients see of a death.
        """
        for record in self._state.processes:
            child = self._children.get(record.name)
            if child and record.exit_code is None and child.poll() is not None:
                with suppress(ProcessLookupError):  # a pod dies as a whole, with the workers of a killed gunicorn
                    os.killpg(child.pid, signal.SIGKILL)
                self._record(replace(record, exit_code=child.returncode))

    def _record(self, record: ProcessRecord) -> None:
        self._write(self._state.with_process(record))

    def _write(self, state: LabState) -> None:
        self._state = state
        self._folder.write_state(state)

    def _end(self) -> None:
        """End the children, the replicas last because they wait for Envoy's open connections; remove the sockets."""
        others = [record for record in self._state.processes if record.name in (ENVOY, PROMETHEUS)]
        replicas = [record for record in self._state.processes if record.version is not None]
        stop(others)
        stop(replicas)
        for child in self._children.values():
            child.wait()
        shutil.rmtree(self._state.socket_folder, ignore_errors=True)


def main(path: str) -> int:
    """Run the lab whose state is in the folder `path`; return the exit code."""
    folder = LabFolder(Path(path))
    state = folder.read_state()
    if state is None:
        print(f"{path}: no lab here. Start one with:\n  {folder.command('up')}", file=sys.stderr)
        return 2
    return Supervisor(folder, state).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
