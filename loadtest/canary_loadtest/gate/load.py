"""The load test's side of a gate: does what the gate wants, and hands over counts each second.

It is a process of its own, in a container of its own: what sends load and can stand still has neither the token nor the
state, and what answers has no load to send.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from canary_loadtest.core.answer import Destinations
from canary_loadtest.core.proof import Proof
from canary_loadtest.gate import probe

TURN_SECONDS: Final = 1.0
ASK_SECONDS: Final = 2.0
LOST_SECONDS: Final = 30.0  # without a gate for so long, the load ends: no one asks for it
AGAIN_SECONDS: Final = 5.0
STOP_SECONDS: Final = 10.0
TAIL_BYTES: Final = 2000
TAIL_LINES: Final = 3
REST: Final = {"job": "rest"}


@dataclass(frozen=True)
class Target:
    """Where requests go.

    Attributes:
        url: of the service.
        host_header: their Host header, "" for the one of the URL.
        destinations: how answers name their destination.
    """

    url: str
    host_header: str
    destinations: Destinations


class Loader:
    """Runs one load test at a time, as a child."""

    def __init__(self, gate: str, target: Target, command: Sequence[str], folder: Path) -> None:
        """Begin at rest.

        Args:
            gate: the address of the gate's listener for this process.
            target: where requests go.
            command: the load test, to which the options of a job are added.
            folder: an empty folder for counts and log.
        """
        self._gate = gate
        self._target = target
        self._command = command
        self._counts = folder / "counts.json"
        self._log = folder / "log"
        self._child: subprocess.Popen[bytes] | None = None
        self._job = ""
        self._handed = 0  # when the counts were written that were handed over last
        self._ended_at = float("-inf")
        self._heard_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Do what the gate wants, turn by turn, until told to stop; no load test is left behind."""
        try:
            while not stop.is_set():
                self._turn()
                stop.wait(TURN_SECONDS)
        finally:
            self._end()

    def _turn(self) -> None:
        job = self._wanted()
        if job["job"] == "prove":
            self._end()
            self._prove(job)
        elif job["job"] == "measure":
            self._measure(job)
        else:
            self._end()

    def _wanted(self) -> dict[str, Any]:
        """Return the gate's job; the present one goes on while a gate is away for a short time."""
        try:
            response = requests.get(f"{self._gate}/job", timeout=ASK_SECONDS)
            response.raise_for_status()
            job: dict[str, Any] = response.json()
        except requests.RequestException as error:
            if time.monotonic() - self._heard_at > LOST_SECONDS:
                return REST
            print(f"load: the gate is not reached: {type(error).__name__}", file=sys.stderr, flush=True)
            return {"job": "measure", "id": self._job} if self._child is not None else REST
        self._heard_at = time.monotonic()
        return job

    def _measure(self, job: dict[str, Any]) -> None:
        if job["id"] != self._job:
            self._end()
            self._job = job["id"]
        if self._child is not None and (code := self._child.poll()) is not None:
            self._child, self._ended_at = None, time.monotonic()
            self._tell("trouble", trouble=f"the load test ended with exit code {code}: {self._tail()}")
        if self._child is None:
            if "counts" in job and time.monotonic() - self._ended_at >= AGAIN_SECONDS:
                self._start(job)
            return
        written = self._counts.stat().st_mtime_ns
        if written != self._handed:  # a load test that stands still writes nothing, and what it went on with is no news
            self._handed = written
            self._tell("counts", counts=json.loads(self._counts.read_text(encoding="utf-8")))

    def _start(self, job: dict[str, Any]) -> None:
        self._counts.write_text(json.dumps(job["counts"]), encoding="utf-8")
        self._handed = self._counts.stat().st_mtime_ns
        argv = [*self._command, *job["options"], "--release", str(self._counts)]
        print(f"load: {self._job}: {' '.join(job['options'])}", file=sys.stderr, flush=True)
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(  # noqa: S603 - no shell
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _end(self) -> None:
        """End the load test, if there is one."""
        child, self._child, self._job, self._ended_at = self._child, None, "", float("-inf")
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _prove(self, job: dict[str, Any]) -> None:
        """Take the one window."""
        self._job = job["id"]
        target, versions = self._target, Destinations(*job["versions"])
        proof = Proof(job["expected"], is_release=job["weight_percent"] != 0)
        while not proof.complete:
            proof.add(probe.ask(target.url, target.host_header, target.destinations, versions))
        self._tell("proof", sentence=proof.sentence, leaks=bool(proof.leak))

    def _tell(self, what: str, **told: object) -> None:
        """Tell the gate something about the job; what it does not want any more is no trouble."""
        try:
            answer = requests.post(f"{self._gate}/{what}", json={"id": self._job, **told}, timeout=ASK_SECONDS)
        except requests.RequestException as error:
            print(f"load: the gate is not reached: {type(error).__name__}", file=sys.stderr, flush=True)
            return
        if answer.status_code not in {requests.codes.ok, requests.codes.gone}:
            print(f"load: the gate did not take {what}: {answer.text.strip()}", file=sys.stderr, flush=True)

    def _tail(self) -> str:
        """Return the last lines that the load test printed."""
        said = self._log.read_bytes()[-TAIL_BYTES:].decode(errors="replace") if self._log.exists() else ""
        return " / ".join(said.strip().splitlines()[-TAIL_LINES:])


def load(gate: str, target: Target, command: Sequence[str], stop: threading.Event) -> None:
    """Do what a gate wants until told to stop."""
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        Loader(gate, target, command, Path(folder)).run(stop)
