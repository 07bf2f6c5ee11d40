"""What an app team copies into its CI gives the load test's verdict: a workflow for GitHub Actions, and a Job."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import parse

import pytest

from canary_loadtest.core.outcome import EXIT_CODES
from tests.loadtest.server import serving
from tests.loadtest.traffic import split
from tests.manifests.schemas import validate
from tests.support.processes import executable, run
from tests.support.repository import ROOT, resource, text_of, versions

WORKFLOW: Final = "docs/ci/canary-gate.yml"
JOB: Final = "loadtest/job.yaml"
ROUTE: Final = "70-30"
# Fewer answers than any verdict takes.
HELD: Final = {"LOCUST_MAX_RATE": "40", "RUN_TIME": "3s"}
PATHS: Final = re.compile(r"(?<![\w./$-])(?:\./)?((?:istio|loadtest|scripts|services)(?:/[\w.-]+)*)")


def job() -> dict[str, Any]:
    """Return the workflow's only job."""
    (only,) = resource(WORKFLOW)["jobs"].values()
    return dict(only)


def step(name: str) -> dict[str, Any]:
    """Return a step by its name."""
    (only,) = [one for one in job()["steps"] if one.get("name") == name]
    return dict(only)


@dataclass(frozen=True)
class Ended:
    """What both steps have left.

    Attributes:
        exit_code: of the step with the load test.
        printed: by both.
        summary: the job's page.
        outputs: of the step with the load test.
        results: the folder that is kept.
    """

    exit_code: int
    printed: str
    summary: str
    outputs: str
    results: Path


def started(folder: Path, name: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a step as a runner does, and return its exit code and what it printed."""
    script = folder / "step.sh"
    script.write_text(step(name)["run"], encoding="utf-8")
    done = run("bash", "--noprofile", "--norc", "-eo", "pipefail", script, cwd=folder, environment=environment)
    return done.returncode, done.stdout + done.stderr


def followed(folder: Path, url: str, **changed: str) -> Ended:
    """Run the load test's step and the one with the summary in a folder, against a server."""
    assert job()["env"]["TARGET"].startswith("http://127.0.0.1:")
    command = "import sys; sys.path.insert(0, {!r}); from canary_loadtest.__main__ import run_locust; run_locust()"
    starter = f'#!/bin/sh\nexec {sys.executable} -c "{command.format(str(ROOT / "loadtest"))}" "$@"\n'
    path = executable(folder / "bin" / "canary-loadtest", starter).parent
    files = {name: folder / name.lower() for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    for file in files.values():
        file.touch()
    environment = {**job()["env"], "TARGET": url, **{name: str(file) for name, file in files.items()}, **changed}
    environment["PATH"] = f"{path}:/usr/local/bin:/usr/bin:/bin"
    code, printed = started(folder, "Load test", environment)
    outputs = files["GITHUB_OUTPUT"].read_text(encoding="utf-8")
    environment["EXIT_CODE"] = outputs.strip().partition("=")[2]
    last_code, last_printed = started(folder, "Summary", environment)
    assert last_code == 0, last_printed
    summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    return Ended(code, printed + last_printed, summary, outputs, folder / "results")


def problems(results: Path) -> list[str]:
    """Return what keeps the JUnit report's test case from passing."""
    (case,) = parse(results / "junit.xml").getroot().iter("testcase")
    return [problem.tag for problem in case]


def test_a_right_split_passes(tmp_path: Path) -> None:
    """CONFIRMED: exit code 0, on the job's page and in the report, and nothing is said in addition."""
    with serving(split(3, x_canary_route=ROUTE)) as server:
        ended = followed(tmp_path, server.url)
    assert ended.exit_code == 0, ended.printed
    assert "✅" in ended.summary
    assert "CONFIRMED" in ended.summary
    assert problems(ended.results) == []
    assert not re.search("^::(?:error|warning)|Release held|No verdict", ended.printed, re.MULTILINE)


def test_a_wrong_split_fails_the_job(tmp_path: Path) -> None:
    """REFUTED: exit code 10, an error on the job's page with the reason, a failure in the report."""
    with serving(split(5, x_canary_route=ROUTE)) as server:
        ended = followed(tmp_path, server.url)
    assert ended.exit_code == 10, ended.printed
    assert ended.outputs == "exit_code=10\n"
    assert re.search("^::error title=Canary split%3A REFUTED::", ended.printed, re.MULTILINE)
    assert "❌" in ended.summary
    assert "REFUTED" in ended.summary
    assert problems(ended.results) == ["failure"]
    assert {"verdict.json", "report.html", "report.json"} <= {file.name for file in ended.results.iterdir()}


def test_too_few_answers_hold_the_release(tmp_path: Path) -> None:
    """INCONCLUSIVE: exit code 11, a notice with a name of its own, an error in the report."""
    with serving(split(3, x_canary_route=ROUTE)) as server:
        ended = followed(tmp_path, server.url, **HELD)
    assert ended.exit_code == 11, ended.printed
    assert ended.outputs == "exit_code=11\n"
    assert re.search("^::notice title=Release held::INCONCLUSIVE", ended.printed, re.MULTILINE)
    assert "❔" in ended.summary
    assert "**Release held.**" in ended.summary
    assert problems(ended.results) == ["error"]


def test_a_run_without_a_verdict_says_so(tmp_path: Path) -> None:
    """A wrong option: its exit code fails the job, and the page does not stay empty."""
    ended = followed(tmp_path, "http://127.0.0.1:1", EXPECT_CANARY="130")
    assert ended.exit_code == 2, ended.printed
    assert re.search("^::error title=No verdict::.*exit code 2", ended.printed, re.MULTILINE)
    assert "**No verdict.**" in ended.summary


def test_the_workflow_ends_and_keeps_what_it_found() -> None:
    """The load test ends before the job does; the files are kept and the page is written after a failure, too."""
    minutes = int(job()["env"]["RUN_TIME"].removesuffix("m"))
    assert minutes * 2 < job()["timeout-minutes"]
    kept = job()["steps"][-1]
    assert (kept["uses"].partition("@")[0], kept["if"]) == ("actions/upload-artifact", "always()")
    assert kept["with"]["path"] == "results/"
    assert step("Summary")["if"].startswith("always() && ")
    assert step("Load test")["id"] == "verdict"


def test_the_workflow_says_what_it_is() -> None:
    """The head has the exit codes, and that no public runner has executed it; only read access is asked for."""
    head = text_of(WORKFLOW).partition("---")[0]
    for outcome, code in EXIT_CODES.items():
        assert re.search(rf"^#   {code} +{outcome} ", head, re.MULTILINE)
    assert "NOT YET RUN" in head
    assert resource(WORKFLOW)["permissions"] == {"contents": "read"}


def test_the_workflow_has_the_versions_of_the_project() -> None:
    """Those of versions.env, and the actions of the project's own workflow."""
    of, environment = versions(), job()["env"]
    assert environment["KIND_VERSION"] == f"{of['KIND_VERSION']}.0"
    assert environment["ISTIO_VERSION"] == f"{of['ISTIO_VERSION']}.0"
    assert environment["KUBERNETES_VERSION"] == of["KUBERNETES_VERSION"]
    assert environment["NODE_IMAGE"] == f"kindest/node:v{of['KUBERNETES_VERSION']}@{of['NODE_IMAGE_DIGEST']}"
    actions = {one["uses"] for one in job()["steps"] if "uses" in one}
    own = set(re.findall(r"uses: (\S+)", text_of(".github/workflows/ci.yml")))
    assert {one for one in actions if not one.startswith("actions/upload-artifact@")} <= own


def test_what_the_workflow_takes_from_the_repository_is_there() -> None:
    """Each path in its steps exists, and its images are those of the overlays that it deploys."""
    commands = "\n".join(one["run"] for one in job()["steps"] if "run" in one)
    paths = set(PATHS.findall(commands))
    assert {"istio/workloads", "loadtest", "services/micro_api"} <= paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    built = re.findall(r"^build (\S+)", commands, re.MULTILINE)
    tags = [resource(f"istio/workloads/{one}/kustomization.yaml")["images"][0]["newTag"] for one in ("v1", "v2")]
    assert built == tags
    assert re.search(f"load docker-image .* {' '.join(f'micro-api:{tag}' for tag in tags)}$", commands, re.MULTILINE)
    assert f"istio/virtual-service-{job()['env']['ROUTE']}.yaml" in commands


def test_make_workflow_checks_it() -> None:
    """The Makefile names the folder that it is in."""
    assert re.search(r"^\tgo run \$\(ACTIONLINT\) .* docs/ci/\*\.yml$", text_of("Makefile"), re.MULTILINE)


@pytest.mark.parametrize(("canary_of_ten", "changed", "outcome"), [
    (3, {}, "CONFIRMED"),
    (5, {}, "REFUTED"),
    (3, {"--max-rate": "40", "--run-time": "3s"}, "INCONCLUSIVE"),
])  # fmt: skip
def test_the_jobs_container_ends_with_the_verdict(
    tmp_path: Path, canary_of_ten: int, changed: dict[str, str], outcome: str
) -> None:
    """Its arguments, at another address: the exit code is the verdict's, and the table is the message."""
    (container,) = resource(JOB)["spec"]["template"]["spec"]["containers"]
    message = tmp_path / "termination-log"
    with serving(split(canary_of_ten, x_canary_route=ROUTE)) as server:
        options = dict(one.partition("=")[::2] for one in container["args"])
        # As fast as the server answers, so that the test need not wait for a service's pace.
        options |= {"--host": server.url, "--verdict-text": str(message), "--max-rate": "2000"} | changed
        arguments = [f"{name}={value}" if value else name for name, value in options.items()]
        done = run(sys.executable, ROOT / "loadtest", "locust", *arguments, cwd=tmp_path)
    assert f"verdict:  {outcome} - " in message.read_text(encoding="utf-8"), done.stderr
    assert done.returncode == {str(one): code for one, code in EXIT_CODES.items()}[outcome]


def test_the_job_runs_once_and_ends() -> None:
    """An API server accepts it; it is not tried again, and its deadline is later than the load test's own."""
    manifest = resource(JOB)
    validate(manifest)
    spec = manifest["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    (limit,) = [one for one in container["args"] if one.startswith("--run-time=")]
    assert spec["backoffLimit"] == 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert 60 * int(limit.removeprefix("--run-time=").removesuffix("m")) + 60 < spec["activeDeadlineSeconds"]
    assert container["image"] == f"canary-loadtest:{versions()['LOADTEST_VERSION']}"
    assert "--verdict-text=/dev/termination-log" in container["args"]
