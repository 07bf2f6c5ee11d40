"""The course's page by HTTP: what it shows in each state, whom it answers, and that it changes nothing."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.course import runner
from scripts.course.__main__ import main
from scripts.course.bench import Bench
from scripts.course.errors import CannotTellError, CourseError
from scripts.course.page.server import Server, background, listening
from scripts.course.page.words import CHINESE, ENGLISH, WORDS
from scripts.course.rules.finding import Finding
from scripts.course.runner import Course
from scripts.course.state import Attempt, CourseFolder, Progress
from tests.course.page_cases import ALL, CANNOT_TELL, DONE, HOSTILE, LOOK, NOT_YET, SAW, progress, served
from tests.support.processes import free_port
from tests.support.repository import ROOT

TIMEOUT_SECONDS: Final = 10


@pytest.fixture
def folder(tmp_path: Path) -> CourseFolder:
    """Give a folder in which nothing has begun."""
    return CourseFolder(tmp_path / ".course")


@pytest.fixture
def server(folder: CourseFolder) -> Iterator[Server]:
    """Give the page of that folder."""
    with served(folder) as one:
        yield one


def ask(
    server: Server, path: str = "/?lang=en", method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of an answer; `headers` may have another Host than the server's."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def text_of(page: str) -> str:
    """Return what a page shows, without its tags and on one line."""
    shown = re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]).replace("&#39;", "'").replace("&#34;", '"')
    return " ".join(shown.split())


def test_before_the_first_step_it_says_how_to_begin(server: Server) -> None:
    """Without progress there is the command that makes some, and every step is listed."""
    shown = text_of(ask(server)[2])
    assert "No step has begun Type: make course" in shown
    assert shown.count("not begun") == len(ALL)


def test_a_step_shows_its_goal_its_time_and_its_commands(folder: CourseFolder, server: Server) -> None:
    """Before a check there is what to do, and the steps before it have their states."""
    folder.write(progress(3, minutes_ago=3.5))
    shown = text_of(ask(server)[2])
    assert f"Step 3: {ALL[2].title} Goal: {ALL[2].goal} Type: the commands of the text, then check . Stuck?" in shown
    assert "Time minute 4 of about 7 Address http://127.0.0.1:18080 Your weight of v2 15" in shown
    assert "docs/workshop/steps/30-write-a-state/text.md" in shown
    assert "No check yet." in shown
    assert f"1. {ALL[0].title} done" in shown
    assert f"2. {ALL[1].title} done by solve" in shown
    assert f"3. {ALL[2].title} open · current step" in shown


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (NOT_YET, f"… not yet {SAW} Look: {LOOK} at "),
        (DONE, f"✓ done {DONE.saw} Next: goto 4 {ALL[3].title} at "),
        (CANNOT_TELL, f"? cannot tell {CANNOT_TELL.saw} Look: {CANNOT_TELL.look} at "),
    ],
    ids=["not yet", "done", "cannot tell"],
)
def test_what_a_check_saw_is_shown_with_a_sign_and_a_word(
    folder: CourseFolder, server: Server, finding: Finding, said: str
) -> None:
    """No outcome rests on a colour."""
    folder.write(progress(3, finding))
    shown = text_of(ask(server)[2])
    assert said in shown
    assert ("not counted as a check" if finding is CANNOT_TELL else "check 2 of this start") in shown


def test_after_the_last_step_nothing_comes_next(folder: CourseFolder, server: Server) -> None:
    """The end is said."""
    folder.write(progress(len(ALL), DONE))
    assert "All steps are done." in text_of(ask(server)[2])


def test_the_room_sees_the_command_and_the_clock(folder: CourseFolder, server: Server) -> None:
    """On the projector the step is begun by a command, its clock goes on when one person is done, and it ends."""
    folder.write(progress(3, DONE, minutes_ago=5))
    shown = text_of(ask(server, "/?view=projector&lang=en")[2])
    assert "Type: goto 3 , then the commands of the text, then check Time minute 6 of about 7" in shown
    for verdict in ("CONFIRMED exit code 0", "REFUTED exit code 10", "INCONCLUSIVE exit code 11"):
        assert verdict in shown
    assert "Time about 7 minutes" in text_of(ask(server)[2])
    folder.write(progress(3, minutes_ago=1000))
    assert "Time about 7 minutes" in text_of(ask(server, "/?view=projector&lang=en")[2])


def test_what_comes_from_outside_is_text(folder: CourseFolder, server: Server) -> None:
    """An answer that is called like a script is shown, and so is a progress file that is none."""
    folder.write(progress(3, Finding(NOT_YET.outcome, "x", HOSTILE, HOSTILE)))
    page = ask(server)[2]
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(2)&lt;/script&gt;") == 2
    folder.file.write_text("<script>", encoding="utf-8")
    status, _, page = ask(server)
    assert status == 200
    assert "The progress cannot be read" in page
    assert "it is not a progress file of this course" in text_of(page)
    assert page.count("<script") == 1


@pytest.mark.parametrize(
    "members",
    [
        {"attempts": {}},
        {"attempts": {"write_a_state": {**asdict(Attempt(1, "x")), "started_at_seconds": "now"}}},
        {"attempts": {"write_a_state": {**asdict(Attempt(1, "x")), "outcome": "perhaps"}}},
        {"attempts": {"write_a_state": {**asdict(Attempt(1, "x")), "outcome": "done", "checked_at_seconds": 1e300}}},
        {"learner": 7},
    ],
    ids=["no attempt", "time", "outcome", "clock", "learner"],
)
def test_a_file_that_was_changed_by_hand_ends_nothing(
    folder: CourseFolder, server: Server, capsys: pytest.CaptureFixture[str], members: dict[str, Any]
) -> None:
    """The page says that it cannot read it, and the prompt's terminal stays as it is."""
    folder.write(progress(3))
    content = json.loads(folder.file.read_text(encoding="utf-8"))
    folder.file.write_text(json.dumps({**content, **members}), encoding="utf-8")
    status, _, page = ask(server)
    assert status == 200
    assert "The progress cannot be read" in page
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"])
@pytest.mark.parametrize("path", ["/", "/page.js", "/none"])
def test_another_host_gets_nothing(server: Server, host: str, path: str) -> None:
    """A name that somebody has let lead to this machine is refused, at every address."""
    status, headers, body = ask(server, path, headers={"Host": host.format(port=server.server_port)})
    assert status == 421
    assert headers["content-type"].startswith("text/plain")
    assert body == f"This page is at {server.url} only.\n"


def test_this_machine_has_two_names(server: Server) -> None:
    """The address and localhost are both answered; a request without a Host is not."""
    assert ask(server, headers={"Host": f"localhost:{server.server_port}"})[0] == 200
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=TIMEOUT_SECONDS) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 421 " in client.recv(100)


def test_it_listens_on_this_machine_alone(server: Server) -> None:
    """Other machines have no way to it."""
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/none"])
def test_every_answer_forbids_what_the_page_does_not_need(server: Server, path: str) -> None:
    """Scripts and styles are its own files; nothing may frame it, and nothing keeps it."""
    _, headers, _ = ask(server, path)
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/progress.json", "/server.py", "/../server.py", "/page.html", "/%2e%2e/x"])
def test_there_are_three_addresses(server: Server, path: str) -> None:
    """No other file of the folder is served."""
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_changes_nothing(folder: CourseFolder, server: Server, method: str) -> None:
    """It has no method for that, and the progress file stays as it is."""
    folder.write(progress(3, NOT_YET))
    before = folder.file.read_bytes()
    assert ask(server, "/", method)[0] == 501
    assert ask(server, "/", "HEAD")[2] == ""
    assert folder.file.read_bytes() == before
    assert [file.name for file in folder.path.iterdir()] == ["progress.json"]


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [
        ("/", "zh-TW,zh;q=0.9,en;q=0.8", CHINESE),
        ("/", "de,zh;q=0.9", ENGLISH),
        ("/", "", ENGLISH),
        ("/?lang=en", "zh", ENGLISH),
        ("/?lang=zh-CN", "en", CHINESE),
        ("/?lang=%3Cscript%3E&view=%22%3E", "en", ENGLISH),
    ],
)
def test_the_language_is_chosen_by_the_address_or_the_browser(
    server: Server, path: str, accepted: str, language: str
) -> None:
    """An address that names no language that there is leaves it to the browser's first one."""
    page = ask(server, path, headers={"Accept-Language": accepted})[2]
    assert f'<html lang="{language}" class="learner">' in page


def test_both_languages_say_the_same(folder: CourseFolder, server: Server) -> None:
    """Each word has its translation, with the same places, and each step its title and goal from its Chinese text."""
    assert list(WORDS[ENGLISH]) == list(WORDS[CHINESE])
    for name, english in WORDS[ENGLISH].items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", WORDS[CHINESE][name]))
    for step in ALL:
        folder.write(progress(step.number))
        shown = text_of(ask(server, "/?lang=zh-CN")[2])
        assert f"第 {step.number} 步：" in shown
        assert step.goal not in shown
        assert step.title not in shown
        assert "text.zh-CN.md" in shown


class Stub:
    """The code of a step whose check reports what it is given, or cannot tell."""

    def __init__(self, finding: Finding) -> None:
        """Take the finding."""
        self._finding = finding

    def check(self, _: Bench) -> Finding:
        """Return the finding, or raise it where the check could not be made."""
        if self._finding is CANNOT_TELL:
            raise CannotTellError(self._finding)
        return self._finding


@pytest.mark.parametrize("verb", ["check", "hint"])
@pytest.mark.parametrize(("finding", "checks"), [(NOT_YET, 1), (DONE, 1), (CANNOT_TELL, 0)])
def test_each_check_is_kept_for_the_page(
    folder: CourseFolder, monkeypatch: pytest.MonkeyPatch, verb: str, finding: Finding, checks: int
) -> None:
    """What the latest check reported is in the progress; one that could not be made counts as none."""
    monkeypatch.setattr(runner, "_code", lambda _: Stub(finding))
    folder.write(progress(3))
    getattr(Course.of(folder, None), verb)()
    kept = folder.read()
    assert isinstance(kept, Progress)
    attempt = kept.attempts[ALL[2].name]
    assert (attempt.outcome, attempt.finding, attempt.look) == (finding.outcome.value, finding.saw, finding.look)
    assert attempt.checks == checks
    assert attempt.checked_at_seconds > attempt.started_at_seconds


def test_a_port_that_is_taken_is_named(
    folder: CourseFolder, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither that one nor one that cannot be is a traceback."""
    with pytest.raises(CourseError, match=f"port {server.server_port} of 127.0.0.1: it is in use: name another one"):
        listening(folder, server.server_port)
    assert main(["page", "--port", "70000"]) == 2
    assert "port 70000 of 127.0.0.1" in capsys.readouterr().err


def test_a_port_that_is_free_is_taken(folder: CourseFolder) -> None:
    """The page is where it was asked for."""
    port = free_port()
    with listening(folder, port) as one:
        assert one.url == f"http://127.0.0.1:{port}"


def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    """The command waits for nothing, ends well, leaves the port free, and needs no learner's name."""
    command = [sys.executable, "-m", "scripts.course", "page"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        (port,) = re.findall(r"The page is at http://127.0.0.1:(\d+); Ctrl-C ends it.", process.stdout.readline())
        with socket.create_connection(("127.0.0.1", int(port)), timeout=TIMEOUT_SECONDS):  # a browser that says nothing
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=2)
    assert (process.returncode, errors) == (0, "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)), timeout=TIMEOUT_SECONDS)
    assert list(tmp_path.iterdir()) == []


def test_the_prompt_serves_it_until_it_ends(folder: CourseFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for twice it is the same page; without being asked for there is none."""
    with background(folder) as page:
        assert page.show() == page.show() == 0
        first, second = capsys.readouterr().out.splitlines()
        assert first == second
        (port,) = re.findall(r"^The page is at http://127.0.0.1:(\d+) until you quit.$", first)
        socket.create_connection(("127.0.0.1", int(port)), timeout=TIMEOUT_SECONDS).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)), timeout=TIMEOUT_SECONDS)
    with background(folder):
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("saw", "language"), [("Envoy serves v1 100.", "en"), ("Envoy 现在提供 v1 100。", "zh-CN")])
def test_what_was_seen_is_marked_with_its_language(
    folder: CourseFolder, server: Server, saw: str, language: str
) -> None:
    """A terminal may speak another language than the page: a reader that speaks needs to know which."""
    folder.write(progress(3, replace(NOT_YET, saw=saw)))
    assert f'<p class="said" lang="{language}">{saw}</p>' in ask(server)[2]
