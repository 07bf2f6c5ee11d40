"""What a run of Locust leaves to keep, however it ends: `--report` and `--summary`."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.loadtest.locust_process import (
    DEADLINE_SECONDS,
    LOCUSTFILE,
    VERDICT_FILE,
    forked_workers,
    locust,
    run,
    run_until_held,
    wait_until,
    workers_of,
)
from tests.loadtest.schema import checked, read
from tests.loadtest.server import serving
from tests.loadtest.traffic import HELD, held_after, split
from tests.loadtest.web_ui import web_ui
from tests.support.processes import free_port

KEPT = "--report split.html --summary summary.md"


def kept(folder: Path) -> dict[str, Any]:
    """Return the data of the report in `folder`, which are the same in both of its files, and all that is there."""
    text = (folder / "split.html").read_text(encoding="utf-8")
    (carried,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    data = read(folder / "split.json")
    assert json.loads(carried) == data
    assert [file.name for file in folder.iterdir() if file.name.startswith(".")] == []
    return data


def summaries(folder: Path) -> list[str]:
    """Return the verdicts that the summary in `folder` names."""
    return re.findall("Canary split: ([A-Z]+)", (folder / "summary.md").read_text(encoding="utf-8"))


def newest(data: dict[str, Any]) -> tuple[int, int, int]:
    """Return the counts with which the course of a measurement ends."""
    history = data["history"]
    return history["canary"][-1], history["stable"][-1], history["other"][-1]


def test_a_report_says_what_the_verdict_file_says(tmp_path: Path) -> None:
    """Verdict, counts and all else are the same; the course begins with nothing and ends with the counts."""
    with serving(split(3, x_canary_route="70-30")) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30 {KEPT}")
    data = kept(tmp_path)
    assert {name: data[name] for name in ended.verdict} == ended.verdict
    assert (data["state"], data["target"], data["to_go"]) == ("ended", server.url, 0)
    assert newest(data) == (data["counts"]["canary"], data["counts"]["stable"], 0)
    history = data["history"]
    assert history["canary"][0] == history["stable"][0] == history["seconds"][0] == 0
    assert history["route"][-1] == "70-30"
    assert history["evidence_for"][-1] >= 1 > history["evidence_against"][-1]
    assert summaries(tmp_path) == ["CONFIRMED"]


@pytest.mark.parametrize("end_with", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_its_report(tmp_path: Path, end_with: signal.Signals) -> None:
    """Ctrl-C and SIGTERM leave what was counted until then."""
    with serving(held_after(50, split(3))) as server:
        run_until_held(tmp_path, server, f"--expect-canary 30 {KEPT}", end_with=end_with)
    data = kept(tmp_path)
    assert (data["verdict"], *newest(data)) == ("INCONCLUSIVE", 15, 35, 0)
    assert summaries(tmp_path) == ["INCONCLUSIVE"]


@pytest.mark.live
def test_a_killed_worker_leaves_a_report_that_names_it(tmp_path: Path) -> None:
    """The master writes what the others counted, and what is missing."""
    with serving(split(3)) as server:
        options = forked_workers(server, f"--expect-canary 30 -t 5s --keep-going {KEPT}")
        with locust(tmp_path, options) as process:
            wait_until(lambda: server.sent.total() > 200, process)
            os.kill(workers_of(process)[0].pid, signal.SIGKILL)
            process.communicate(timeout=DEADLINE_SECONDS)
    data = kept(tmp_path)
    assert data["verdict"] == "INCONCLUSIVE"
    assert "the last counts of " in data["reason"]
    assert sum(newest(data)) == sum(data["counts"][kind] for kind in ("canary", "stable", "other")) > 0


def test_a_crash_is_no_verdict_in_the_report_either(tmp_path: Path) -> None:
    """What is kept of a run in which a listener crashed says so, however the answers came out."""
    locustfile = tmp_path / "crashing.py"
    locustfile.write_text(
        "from locust import events\nfrom canary_loadtest import CanaryUser\n"
        "class User(CanaryUser):\n    pass\n"
        "@events.test_stop.add_listener\ndef crash(**_):\n    raise RuntimeError('broken')\n",
        encoding="utf-8",
    )
    with serving(split(3)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30 {KEPT}", locustfile=locustfile)
    assert ended.exit_code == 2, ended.stderr
    assert "no verdict: a listener or a greenlet crashed" in ended.stderr
    assert kept(tmp_path)["reason"] == "a listener or a greenlet crashed, see the log"
    assert kept(tmp_path)["exit_code"] == ended.verdict["exit_code"] == 2
    assert summaries(tmp_path) == ["INCONCLUSIVE"]


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder in the place of the report is named, and the exit code is no verdict's."""
    with (
        serving(held_after(50, split(3))) as server,
        locust(tmp_path, f"-u 1 --host {server.url} --expect-canary 30 {KEPT}") as process,
    ):
        wait_until(lambda: server.sent[HELD] == 1, process)
        (tmp_path / "split.html").mkdir()
        process.terminate()
        _, stderr = process.communicate(timeout=DEADLINE_SECONDS)
    verdict = read(tmp_path / VERDICT_FILE)
    assert process.returncode == verdict["exit_code"] == 1
    assert f"the file {tmp_path / 'split.html'} was not written: Is a directory" in stderr.decode()
    assert summaries(tmp_path) == ["INCONCLUSIVE"]


def test_with_the_web_ui_each_run_leaves_its_report(tmp_path: Path) -> None:
    """The report is of the latest run as soon as that has ended, and the summary has one part for each."""
    with serving(split(3)) as server, web_ui(tmp_path, f"--expect-canary 30 {KEPT} --host {server.url}") as ui:
        assert ui.addresses() == {"127.0.0.1"}, "by default no other machine can reach the web UI"
        ui.start(expect_canary="30")
        ui.wait_for(lambda: len(ui.verdicts()) == 1)
        ui.wait_for((tmp_path / "summary.md").exists)
        assert kept(tmp_path)["verdict"] == "CONFIRMED"
        live = checked(ui.session.get(f"{ui.url}/canary-split/data").json())
        assert live | {"written_at": ""} == kept(tmp_path) | {"written_at": ""}
        ui.start(expect_canary="60")
        ui.wait_for(lambda: len(summaries(tmp_path)) == 2)
    assert kept(tmp_path)["verdict"] == "REFUTED"
    assert summaries(tmp_path) == ["CONFIRMED", "REFUTED"]


def test_wrong_entry_in_the_form_is_refused_and_the_next_run_judged(tmp_path: Path) -> None:
    """An address without a scheme, or a share that is none, is answered with the right spelling and starts no test."""
    with serving(split(3)) as server, web_ui(tmp_path, "--expect-canary 30") as ui:
        wrong = {
            f"write {server.url}": {"host": server.url.removeprefix("http://")},
            "the expected share is 300": {"host": server.url, "expect_canary": "300"},
            "expect_canary is 'many': give a number": {"host": server.url, "expect_canary": "many"},
            "the expected share is missing": {"host": server.url, "expect_canary": ""},
            "allows every share": {"host": server.url, "tolerance": "80"},
        }
        for words, form in wrong.items():
            reply = ui.session.post(f"{ui.url}/swarm", data={"user_count": "4", "spawn_rate": "4", **form})
            assert not reply.json()["success"]
            assert words in reply.json()["message"]
        assert ui.session.get(f"{ui.url}/stats/requests").json()["state"] == "ready"
        ui.start(host=server.url)
        ui.wait_for(lambda: len(ui.verdicts()) == 1)
    errors = ui.errors.read_text(encoding="utf-8")
    assert errors.count("not started: ") == len(wrong)
    assert "Traceback" not in errors
    assert set(ui.verdicts()) == {"CONFIRMED"}


@pytest.mark.parametrize(("expected", "exit_code"), [("30", 0), ("60", 10)])
def test_autoquit_ends_the_process_after_the_verdict(tmp_path: Path, expected: str, exit_code: int) -> None:
    """With --autostart --autoquit the process ends the given seconds after its verdict, also without a run time."""
    options = f"--autostart --autoquit 1 --web-port {free_port()} -u 3 -r 100 --expect-canary {expected} {KEPT}"
    with serving(split(3)) as server:
        argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *options.split(), "--host", server.url]
        ended = subprocess.run(argv, cwd=tmp_path, capture_output=True, timeout=DEADLINE_SECONDS, check=False)
    assert ended.returncode == exit_code, ended.stderr.decode()
    assert len(summaries(tmp_path)) == 1


def test_the_tab_is_below_the_base_path_of_the_web_ui(tmp_path: Path) -> None:
    """Behind a proxy that serves Locust below a path, the tab is there too, and nowhere else."""
    with web_ui(tmp_path, "--expect-canary 30 --web-base-path /locust") as ui:
        index = ui.session.get(f"{ui.url}/locust/").text
        page = ui.session.get(f"{ui.url}/locust/canary-split").text
        data = checked(ui.session.get(f"{ui.url}/locust/canary-split/data").json())
        elsewhere = ui.session.get(f"{ui.url}/canary-split").status_code
    assert '"extended_tabs": [{"key": "canary-split", "title": "Canary split"}]' in index
    assert index.index("window.templateArgs") < index.index("Fills the tab") < index.index("</body>")
    assert "<h1>Canary split</h1>" in page
    assert (data["state"], data["history"]["seconds"]) == ("ready", [])
    assert elsewhere == 404
