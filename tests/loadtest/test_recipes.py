"""The recipes of loadtest/recipes.md: each that can run here is run twice, and loses one answer on purpose."""

import gzip
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from canary_loadtest.core.labels import CANARY, STABLE
from tests.loadtest.server import Reply, Request, serving
from tests.loadtest.traffic import split
from tests.support.processes import run
from tests.support.repository import ROOT, text_of

HOST = "micro-api.default.svc.cluster.local"
DOCUMENTED_REQUESTS, REQUESTS, LOST = "1000", 40, 17
SHELLS = {
    "dash": ["dash"],
    "bash": ["bash"],
    "a step of GitHub Actions": ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
}
TOOLS = {"curl": "curl", "Python": "python3", "Node.js": "node"}
RUN_HERE = [name for name, command in TOOLS.items() if shutil.which(command)]


def recipe(tool: str) -> str:
    """Return the commands of a tool's recipe, for fewer requests."""
    _, found, section = text_of("loadtest/recipes.md").partition(f"\n## {tool}\n")
    block = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found
    assert block
    return block[1].replace(DOCUMENTED_REQUESTS, str(REQUESTS))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that holds `loadtest/`, with this Python as `python`."""
    (tmp_path / "loadtest").symlink_to(ROOT / "loadtest")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


@pytest.mark.parametrize(
    ("tool", "shell"),
    [("curl", shell) for shell in SHELLS if shutil.which(SHELLS[shell][0])]
    + [(tool, "a step of GitHub Actions") for tool in RUN_HERE if tool != "curl"],
)
def test_a_recipe_works_twice(folder: Path, tool: str, shell: str) -> None:
    """Each run counts what the server sent, to this host alone, and the lost answer as one other answer."""
    answers = split(3)

    def reply(request: Request) -> Reply:
        if request.number % REQUESTS == LOST or f"\r\nhost: {HOST}\r\n" not in f"{request.head.lower()}\r\n":
            return Reply("lost", b"")
        return answers(request)

    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    with serving(reply) as server:
        for _ in range(2):
            before = server.sent.copy()
            environment = {"URL": f"{server.url}/test/test", "HOST": HOST, "PATH": path}
            done = run(*SHELLS[shell], "-c", recipe(tool), cwd=folder, environment=environment)
            assert done.returncode == 11, done.stderr
            sent = server.sent - before
            counts = dict(re.findall(r"^  (V3|plain|other|total)\b.*?(\d+)(?: |$)", done.stdout, re.MULTILINE))
            assert sent["lost"] == 1
            assert counts == {
                "V3": str(sent[CANARY]),
                "plain": str(sent[STABLE]),
                "other": "1",
                "total": str(REQUESTS),
            }


ISTIO_JSON = '{{"path":"{path}","response_code":200,"upstream_cluster":"outbound|80|{subset}|micro-api"}}'
ISTIO_TEXT = (
    '[2026-11-28T16:09:41.102Z] "GET {path} HTTP/1.1" 200 - via_upstream - "-" 0 74 3 1 "192.0.2.7" "curl/8" "0f4e"'
    ' "micro-api" "10.44.1.23:80" outbound|80|{subset}|micro-api 10.44.1.27:80 10.44.1.23:37652 192.0.2.7:5 - 70-30'
)
NGINX = '192.0.2.7 - - [28/Nov/2026:16:09:41 +0000] "GET {path} HTTP/1.1" 200 612 "-" "curl/8" {colour}'


@pytest.mark.parametrize(
    ("place", "form"), list(enumerate([ISTIO_JSON, ISTIO_TEXT, NGINX])), ids=["json", "text", "nginx"]
)
def test_a_recipe_for_an_access_log_judges_it(folder: Path, place: int, form: str) -> None:
    """The lines of one path count by the version that each names, and all others are left out."""
    path = "/shop" if form == NGINX else "/test/test"
    lines = [form.format(path=path, subset="v2", colour="green")] * 300
    lines += [form.format(path=path, subset="v1", colour="blue")] * 700
    lines += [form.format(path="/healthz", subset="v1", colour="blue")] * 500
    text = ("\n".join(lines) + "\n").encode()
    (folder / "access.log").write_bytes(text)
    (folder / "access.log.1.gz").write_bytes(gzip.compress(text))
    commands = [line for line in recipe("A gateway's access log, also yesterday's").splitlines() if line[0] != "#"]
    search = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    done = run("sh", "-c", commands[place], cwd=folder, environment={"PATH": search})
    assert (done.returncode, done.stderr) == (0, "")
    assert "300 of 1000" in done.stdout


def test_curl_and_python_are_always_run() -> None:
    """No machine that runs the tests can leave out what every machine has."""
    assert {"curl", "Python"} <= set(RUN_HERE)


def test_every_recipe_that_is_not_run_says_so() -> None:
    """A tool that the tests do not run is marked."""
    sections = text_of("loadtest/recipes.md").split("\n## ")[1:]
    marked = {section.partition("\n")[0] for section in sections if "Not run by the tests" in section}
    logs = "A gateway's access log, also yesterday's"
    assert {section.partition("\n")[0] for section in sections} - marked == {*TOOLS, logs}
