"""The recipes of loadtest/recipes.md: their commands as they are printed, a folder to run them in, and which tests do.

`tests/loadtest/test_recipes.py` runs those whose tools a machine has, in `make test`; `tests/e2e/test_recipes.py` runs
those whose tools a package registry has, in `make e2e LOAD_TOOLS=yes`.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from canary_loadtest.core.labels import CANARY, STABLE
from tests.loadtest.server import Reply, Request, Server, serving
from tests.loadtest.traffic import split
from tests.support.processes import run
from tests.support.repository import ROOT, text_of

PAGE: Final = "loadtest/recipes.md"
HOST: Final = "micro-api.default.svc.cluster.local"
REQUESTS: Final = 3000
LOST: Final = 17
GITHUB_ACTIONS: Final = "a step of GitHub Actions"
SHELLS: Final = {
    "dash": ["dash"],
    "bash": ["bash"],
    GITHUB_ACTIONS: ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
}
IN_MAKE_TEST: Final = {"curl": "curl", "Python": "python3", "Node.js": "node"}
"""The tools that `make test` runs where a machine has them, with their programs."""
IN_MAKE_E2E: Final = (*IN_MAKE_TEST, "Go", "vegeta", "hey", "fortio", "wrk")
"""The tools that `make e2e LOAD_TOOLS=yes` runs."""
ACCESS_LOG: Final = "A gateway's access log, also yesterday's"
MARK: Final = "Not run by the tests"
_ONE_PLACE: Final = "hey and fortio"
_SECONDS: Final = 300


def sections() -> dict[str, str]:
    """Return the page's sections by their headings."""
    return dict(part.split("\n", 1) for part in text_of(PAGE).split("\n## ")[1:])


def heading_of(tool: str) -> str:
    """Return the heading of a tool's section."""
    return _ONE_PLACE if tool in _ONE_PLACE.replace(",", "").split() else tool


def blocks(heading: str, language: str = "sh") -> list[str]:
    """Return a section's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", sections()[heading], re.MULTILINE | re.DOTALL)


def commands(tool: str) -> str:
    """Return what a person types for a tool, by the page."""
    first, *others = blocks(heading_of(tool))
    instead = [line for block in others for line in block.splitlines() if line.startswith(f"{tool} ")]
    for line in instead:
        first, replaced = re.subn(r"^hey .*$", line, first, flags=re.MULTILINE)
        assert replaced == 1
    return first


def make_folder(path: Path, tool: str) -> Path:
    """Make a folder with `loadtest/`, this Python as `python`, and the page's script for a tool, and return it."""
    (path / "loadtest").symlink_to(ROOT / "loadtest")
    (path / "bin").mkdir()
    (path / "bin" / "python").symlink_to(sys.executable)
    for name in re.findall(r"With this `(\w+\.lua)`", sections()[heading_of(tool)], re.IGNORECASE):
        (script,) = blocks(heading_of(tool), "lua")
        (path / name).write_text(script, encoding="utf-8")
    return path


def typed(text: str, folder: Path, shell: str = GITHUB_ACTIONS, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return what commands did in a folder; `environment` may have a PATH to search before the machine's own."""
    path = os.pathsep.join(filter(None, [str(folder / "bin"), environment.get("PATH"), os.environ["PATH"]]))
    argv = (*SHELLS[shell], "-c", text)
    return run(*argv, cwd=folder, environment=environment | {"PATH": path}, timeout_seconds=_SECONDS)


def counts(printed: str) -> dict[str, int]:
    """Return the rows of a table that the judge has printed."""
    rows = re.findall(r"^  (V3|plain|other|total)\b.*?(\d+)(?: |$)", printed, re.MULTILINE)
    return {name: int(count) for name, count in rows}


@contextmanager
def losing_one(requests: int) -> Iterator[Server]:
    """Serve 30 % canary to HOST alone, and leave one in this number of requests without an answer."""
    answers = split(3, connection="close")

    def reply(request: Request) -> Reply:
        if request.number % requests == LOST or f"\r\nhost: {HOST}\r\n" not in f"{request.head.lower()}\r\n":
            return Reply("lost", b"")
        return answers(request)

    with serving(reply) as server:
        yield server


def assert_counted_twice(text: str, folder: Path, requests: int, shell: str = GITHUB_ACTIONS, path: str = "") -> None:
    """Run a recipe of this number of requests twice: what the server sent counts, and the lost answer as one."""
    with losing_one(requests) as server:
        for _ in range(2):
            before = server.sent.copy()
            done = typed(text, folder, shell, URL=f"{server.url}/test/test", HOST=HOST, PATH=path)
            assert done.returncode == (0 if requests == REQUESTS else 11), done.stdout + done.stderr
            sent = server.sent - before
            assert counts(done.stdout) == {
                "V3": sent[CANARY],
                "plain": sent[STABLE],
                "other": sent["lost"],
                "total": sent.total(),
            }
            assert sent["lost"] == 1
