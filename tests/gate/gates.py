"""Gates for tests: real processes, `serve` and `load`, in front of a stand-in for the API server."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from tests.gate.api_server import NAMESPACE, ApiServer
from tests.lab.helpers import HOST
from tests.support.processes import free_port, until
from tests.support.repository import ROOT

TOKEN: Final = "a token of the tests"
WAIT_SECONDS: Final = 60.0
# The replicas of the lab, which have other names than the pods of a Rollout.
LAB_PODS: Final = (
    *("--version-header", "x-pod-name"),
    *("--canary-version", "micro-api-v2-*", "--stable-version", "micro-api-v1-*"),
)


@dataclass
class RunningGate:
    """A gate, and how to ask it.

    Attributes:
        url: where it answers.
        serve: the process that answers.
        load: the process that has the load test run, None for a gate without one.
        start: starts both again.
    """

    url: str
    serve: subprocess.Popen[str]
    load: subprocess.Popen[str] | None
    start: Callable[[], subprocess.Popen[str]]

    def ask(self, path: str, *, token: str | None = TOKEN, **headers: str) -> requests.Response:
        """Return the gate's answer to a GET."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return requests.get(f"{self.url}{path}", headers=headers, timeout=10)

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Return the gate's answer to the POST of a hook."""
        return requests.post(f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)

    def verdict(self, template: str = "abc", weight_percent: float | str = 30) -> dict[str, Any]:
        """Return the answer to an analysis of Argo Rollouts."""
        response = self.ask(f"/verdict?release={template}&weight={weight_percent}")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def until(self, outcome: str, reason: str = "", weight_percent: float = 30) -> dict[str, Any]:
        """Ask again and again, as an engine does, until an outcome comes for a reason; return that answer."""
        last: dict[str, Any] = {}

        def came() -> bool:
            last.update(self.verdict(weight_percent=weight_percent))
            return bool(last["outcome"] == outcome and reason in last["reason"])

        until(came, f"{outcome} {reason}: {last.get('outcome')}: {last.get('reason')}", WAIT_SECONDS)
        return last

    def kill(self) -> None:
        """Kill the process that answers, and start it again."""
        self.serve.kill()
        self.serve.communicate()
        self.serve = self.start()


@contextmanager
def gate(  # noqa: PLR0913, PLR0917 - each is an option of one of two processes
    api: ApiServer,
    folder: Path,
    target: str | None = None,
    options: tuple[str, ...] = (),
    tested: tuple[str, ...] = (),
    load_options: tuple[str, ...] = (),
) -> Iterator[RunningGate]:
    """Give a gate in front of an API server; with a target it has a load test.

    Args:
        api: the stand-in.
        folder: for the token.
        target: the lab's address.
        options: more of `serve`; without any it takes a token and is for a Rollout.
        tested: what stands after `--`.
        load_options: more of `load`.
    """
    token = folder / "token"
    token.write_text(f"{TOKEN}\n", encoding="utf-8")
    port, load_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    own = options or ("--engine", "argo-rollouts", "--token-file", str(token), *LAB_PODS)
    serve = ["serve", *own, "--object", "micro-api", "--state", "micro-api-gate", "--namespace", NAMESPACE]
    serve += ["--kubernetes", api.url, "--port", str(port), "--load-port", str(load_port), "--address", "127.0.0.1"]
    serve += ["--settle-seconds", "0.5", "--", *tested]

    def start() -> subprocess.Popen[str]:
        process = _started(*serve)
        until(lambda: _answers(url) or process.poll() is not None, "the gate does not answer")
        assert process.poll() is None, process.communicate()
        return process

    load = None
    if target is not None:
        load = _started(
            *("load", "--gate", f"http://127.0.0.1:{load_port}", "--host", target, "--host-header", HOST),
            *("--users", "2", "--max-rate", "2000", *load_options),
        )
    given = RunningGate(url, start(), load, start)
    try:
        yield given
    finally:
        for process in filter(None, (given.load, given.serve)):
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.communicate(timeout=WAIT_SECONDS)


def _started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "canary_loadtest", "gate", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "loadtest")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/livez", timeout=5).ok
    except requests.RequestException:
        return False
