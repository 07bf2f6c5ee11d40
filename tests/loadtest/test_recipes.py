"""The recipes of loadtest/recipes.md: each that can run here is run twice, and loses one answer on purpose."""

import gzip
import re
import shutil
from pathlib import Path

import pytest
from scipy.stats import binom

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.rules import rule_for
from tests.loadtest import recipes
from tests.loadtest.recipes import ACCESS_LOG, GITHUB_ACTIONS, IN_MAKE_E2E, IN_MAKE_TEST, MARK, REQUESTS, SHELLS
from tests.loadtest.timed_records import FORMS, LOGS
from tests.support.repository import text_of
from tests.support.text import unwrapped

FEW = 40
RUN_HERE = [name for name, program in IN_MAKE_TEST.items() if shutil.which(program)]


@pytest.mark.parametrize(
    ("tool", "shell"),
    [("curl", shell) for shell in SHELLS if shutil.which(SHELLS[shell][0])]
    + [(tool, GITHUB_ACTIONS) for tool in RUN_HERE if tool != "curl"],
)
def test_a_recipe_works_twice(tmp_path: Path, tool: str, shell: str) -> None:
    """Each run counts what the server sent, to this host alone, and the lost answer as one other answer."""
    folder = recipes.make_folder(tmp_path, tool)
    commands = recipes.commands(tool)
    assert str(REQUESTS) in commands
    recipes.assert_counted_twice(commands.replace(str(REQUESTS), str(FEW)), folder, FEW, shell)


# As the gateway of Istio 1.32 wrote it with `accessLogEncoding: JSON`, some of its members left out.
ISTIO_JSON = (
    '{{"authority":"micro-api.canary-mesh.svc.cluster.local","bytes_sent":74,"duration":3,"method":"GET","path":"{path}",'
    '"protocol":"HTTP/1.1","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":null,'
    '"upstream_cluster":"outbound|19090|{subset}|micro-api.canary-mesh.svc.cluster.local","upstream_host":"10.244.0.7:9090"}}'
)
ISTIO_TEXT = (
    '[2026-11-28T16:09:41.102Z] "GET {path} HTTP/1.1" 200 - via_upstream - "-" 0 74 3 1 "192.0.2.7" "curl/8" "0f4e"'
    ' "micro-api" "10.44.1.23:80" outbound|80|{subset}|micro-api 10.44.1.27:80 10.44.1.23:37652 192.0.2.7:5 - 70-30'
)
NGINX = '192.0.2.7 - - [28/Nov/2026:16:09:41 +0000] "GET {path} HTTP/1.1" 200 612 "-" "curl/8" {colour}'


@pytest.mark.parametrize(
    ("place", "form"), list(enumerate([ISTIO_TEXT, ISTIO_JSON, NGINX])), ids=["text", "json", "nginx"]
)
def test_a_recipe_for_an_access_log_judges_it(tmp_path: Path, place: int, form: str) -> None:
    """The lines of one path count by the version that each names, and all others are left out."""
    folder = recipes.make_folder(tmp_path, ACCESS_LOG)
    path = "/shop" if form == NGINX else "/test/test"
    lines = [form.format(path=path, subset="v2", colour="green")] * 600
    lines += [form.format(path=path, subset="v1", colour="blue")] * 1400
    lines += [form.format(path="/healthz", subset="v1", colour="blue")] * 500
    text = ("\n".join(lines) + "\n").encode()
    (folder / "access.log").write_bytes(text)
    (folder / "access.log.1.gz").write_bytes(gzip.compress(text))
    commands = [line for line in recipes.commands(ACCESS_LOG).splitlines() if line[0] != "#"]
    done = recipes.typed(commands[place], folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "600 of 2000" in done.stdout


def test_the_recipe_names_the_fields_with_the_times_of_each_log() -> None:
    """They are those that `test_judge_latency` judges such logs by."""
    named = re.findall(r"^\| (?:Istio|nginx).* \| `(--.+)` \|$", recipes.sections()[ACCESS_LOG], re.MULTILINE)
    assert [FORMS[form][0].endswith(options) for form, options in zip(LOGS, named, strict=True)] == [True] * 3


@pytest.mark.parametrize("tool", [name for name in RUN_HERE if name != "curl"])
def test_a_recipe_that_keeps_the_answers_has_their_times(tmp_path: Path, tool: str) -> None:
    """The judge takes its lines with --max-slowdown as they are, the lost answer included."""
    folder = recipes.make_folder(tmp_path, tool)
    text = recipes.commands(tool).replace(str(REQUESTS), str(FEW)).replace("judge ", "judge --max-slowdown 1.2 ")
    with recipes.losing_one(FEW) as server:
        done = recipes.typed(text, folder, URL=f"{server.url}/test/test", HOST=recipes.HOST)
    assert done.returncode == 11, done.stdout + done.stderr
    assert "latency:  UNDECIDED - stable's 95th percentile is not known yet" in unwrapped(done.stdout)
    assert "no time" not in done.stdout + done.stderr


def test_curl_and_python_are_always_run() -> None:
    """No machine that runs the tests can leave out what every machine has."""
    assert {"curl", "Python"} <= set(RUN_HERE)


def test_every_recipe_is_run_or_says_that_it_is_not() -> None:
    """A tool is run by `make e2e`, or its section is marked, and never both."""
    sections = recipes.sections()
    marked = {heading for heading, text in sections.items() if MARK in text}
    run = {ACCESS_LOG, *map(recipes.heading_of, IN_MAKE_E2E)}
    assert run.isdisjoint(marked)
    assert run | marked == set(sections)


@pytest.mark.parametrize("tool", ["hey", "vegeta", "fortio"])
def test_the_page_names_the_version_that_is_run(tool: str) -> None:
    """It is the one that scripts/setup/load-tools.sh installs."""
    (named,) = re.findall(rf"{tool}\s(\d+\.\d+\.\d+)", text_of(recipes.PAGE))
    assert f"\n{tool.upper()}_VERSION={named}\n" in text_of("scripts/setup/load-tools.sh")


def test_as_many_requests_as_the_recipes_send_are_enough() -> None:
    """A right split of 30 % has its verdict in 99 of 100 runs, as the page says; a third as many would not do."""
    rule = rule_for(Expectation(canary_percent=30))

    def confirmed(requests: int) -> float:
        counts = [canary for canary in range(requests + 1) if rule.confirms(canary, requests - canary, 0)]
        return float(binom.pmf(counts, requests, 0.3).sum())

    assert round(confirmed(REQUESTS), 2) == 0.99
    assert confirmed(REQUESTS // 3) < 0.7
