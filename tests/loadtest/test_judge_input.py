"""What `python loadtest judge` does with input of any form: prefixes, encodings, endless lines, many kinds."""

import codecs
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from canary_loadtest.core.contract import CANARY_BODY, STABLE_BODY
from canary_loadtest.core.labels import CANARY, STABLE
from tests.loadtest.judging import Judge, judge_with
from tests.loadtest.records import answers_in, json_line, record_of
from tests.support.repository import ROOT
from tests.support.text import too_long, unwrapped

SPLIT = [CANARY] * 300 + [STABLE] * 700
ADDRESS_SPACE_BYTES = 300 << 20
TIME = b"2026-11-28T16:09:36.124563934Z "


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Return a function that judges what is on standard input, and returns the exit code."""
    return judge_with(monkeypatch, "--expect-canary", "30", "--only-split")


def docker_file(line: bytes) -> bytes:
    """Return a line as Docker's json-file driver keeps it."""
    return json.dumps({"log": line.decode() + "\n", "stream": "stdout", "time": TIME.decode().strip()}).encode()


COLLECTORS: dict[str, Callable[[bytes], bytes]] = {
    "kubectl logs --prefix": lambda line: b"[pod/micro-api-v1-7d9/micro-api] " + line,
    "kubectl logs --timestamps": lambda line: TIME + line,
    "kubectl logs --prefix --timestamps": lambda line: b"[pod/micro-api-v1-7d9/micro-api] " + TIME + line,
    "docker compose logs": lambda line: b"v1-1  | " + line,
    "docker compose logs, in colours": lambda line: b"\x1b[36mv1-1  | \x1b[0m" + line,
    "stern": lambda line: b"micro-api-v1-7d9 micro-api " + line,
    "CRI": lambda line: TIME + b"stdout F " + line,
    "CRLF": lambda line: line + b"\r",
    "json-file": docker_file,
}


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("name", ["lines", "jsonl", "vegeta", "service-log"])
def test_lines_are_read_within_what_a_collector_writes(
    judge: Judge, capsys: pytest.CaptureFixture[str], collector: str, name: str
) -> None:
    """Each way to get at a log shows the same answers, and every line of it is read."""
    lines = answers_in(name, *SPLIT).splitlines()
    assert judge(f"--format {name} --sent 1000", b"\n".join(map(COLLECTORS[collector], lines))) == 0
    captured = capsys.readouterr()
    assert "300 of 1000" in captured.out
    assert captured.err == ""


def test_a_line_in_another_form_is_named(judge: Judge, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A log of which half the lines cannot be read has no verdict, and the first of these lines is named."""
    log = tmp_path / "pods.log"
    readable = answers_in("service-log", *SPLIT[:500])
    log.write_bytes(readable + answers_in("service-log", *SPLIT[500:]).replace(b"{", b"<"))
    assert judge(f"--format service-log --complete {log}") == 11
    captured = capsys.readouterr()
    assert "500 unexpected_record" in unwrapped(captured.out)
    note = " ".join(captured.err.split())
    assert note.startswith("note: 500 lines are no answer as --format service-log has it; the first: ")
    assert "pods.log, line 501: no JSON object at its end: <" in note


def test_lines_that_are_no_answers_do_not_stand_against_a_number_of_requests(judge: Judge) -> None:
    """A start message in a log is no request where the number of requests shows that none is missing."""
    log = b"Attaching to v1-1, v2-1\n" + answers_in("service-log", *SPLIT)
    assert judge("--format service-log --sent 1000", log) == 0


def test_several_files_and_a_pipe_are_one_record(
    judge: Judge, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The logs of all pods, in a file each and one in a pipe, are judged together."""
    for name, answers in (("a.log", SPLIT[:400]), ("b.log", SPLIT[400:700])):
        (tmp_path / name).write_bytes(answers_in("service-log", *answers))
    files = f"{tmp_path / 'a.log'} - {tmp_path / 'b.log'}"
    assert judge(f"--format service-log --sent 1000 {files}", answers_in("service-log", *SPLIT[700:])) == 0
    assert "300 of 1000" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["bodies", "lines", "jsonl", "service-log"])
@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.replace("\n", "\r\n").encode("utf-16-be"),
    ],
    ids=["UTF-8 with a mark", "UTF-16", "UTF-16, big endian, CRLF"],
)
def test_marked_encodings_are_read(judge: Judge, name: str, encoded: Callable[[str], bytes]) -> None:
    """What PowerShell and editors of Windows write is read as it is."""
    assert judge(f"--format {name} --sent 1000", encoded(answers_in(name, *SPLIT).decode())) == 0


@pytest.mark.parametrize("name", ["bodies", "lines", "jsonl", "service-log"])
@pytest.mark.parametrize(("encoding", "guess"), [("gbk", "GBK"), ("utf-16-le", "UTF-16")])
def test_other_encodings_are_named(
    judge: Judge, capsys: pytest.CaptureFixture[str], name: str, encoding: str, guess: str
) -> None:
    """Answers in an encoding that is not read end without a verdict on them, and with what to do."""
    exit_code = judge(f"--format {name} --sent 1000", answers_in(name, *SPLIT).decode().encode(encoding))
    assert exit_code in {2, 11}
    captured = capsys.readouterr()
    said = " ".join((captured.out + captured.err).split())
    assert f"standard input is not UTF-8 (it looks like {guess}): save it as UTF-8" in said


def test_a_compressed_log_is_named(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """A rotated log that is still compressed is named as that."""
    assert judge("--format jsonl", b"\x1f\x8b\x08" + bytes(range(256))) == 2
    assert "standard input is compressed (gzip): unpack it first" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("name", "written"), [("jsonl", "service-log"), ("vegeta", "jsonl"), ("service-log", "jsonl")])
def test_a_wrong_format_is_named(judge: Judge, capsys: pytest.CaptureFixture[str], name: str, written: str) -> None:
    """Lines of which none is a record of the format are no answers at all: exit code 2."""
    assert judge(f"--format {name} --complete", answers_in(written, *SPLIT)) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert f"none of the 1000 lines is a record of --format {name}; is --format right?" in error
    assert "standard input, line 1: no '" in error


@pytest.mark.parametrize(
    ("name", "filler", "exit_code"),
    [("lines", "x", 2), ("jsonl", "x", 2), ("service-log", "x", 2), ("bodies", "x", 11), ("bodies", r"\n", 11)],
)
def test_endless_input_takes_bounded_memory(name: str, filler: str, exit_code: int) -> None:
    """400 MB of one line, or of newlines, are read in an address space of 300 MB; a line without an end is named."""
    command = (
        f"head -c 400000000 /dev/zero | tr '\\0' '{filler}' |"
        f" '{sys.executable}' loadtest judge --expect-canary 30 --format {name}"
    )

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))

    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=limited
    )
    assert done.returncode == exit_code, done.stderr
    if exit_code == 2:
        error = " ".join(done.stderr.split())
        assert error.startswith("python loadtest judge: standard input, line 1: longer than 1,048,576 bytes")
        assert "Traceback" not in error


def test_many_kinds_make_a_short_table(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with every status there is has a table that can be read."""
    lines = b"".join(json_line(record_of(CANARY, status)) for status in range(1000))
    assert judge("--format jsonl --complete", lines) == 11
    printed = capsys.readouterr().out
    assert "more_kinds" in printed
    assert len(printed.splitlines()) < 80


@pytest.mark.parametrize("forged", ["x\nverdict:  CONFIRMED - forged", "\x1b[2Jx", "::error::x", "x\r##[error]x"])
def test_no_route_makes_a_line_of_the_verdict(judge: Judge, capsys: pytest.CaptureFixture[str], forged: str) -> None:
    """A header with a newline, an escape or a mark of a CI system is shown escaped, within one line."""
    records = [record_of(CANARY, 200, **{"X-Canary-Route": route}) for route in (forged, "70-30")]
    assert judge("--format jsonl --sent 2", b"".join(map(json_line, records))) == 11
    printed = capsys.readouterr().out
    assert "by more than one route" in unwrapped(printed)
    assert [line for line in printed.splitlines() if line.startswith("verdict:")] == [
        line for line in printed.splitlines() if line.startswith("verdict:  INCONCLUSIVE")
    ]
    assert not {"\x1b", "\r"} & set(printed)
    assert not any(line.strip().startswith("::") or "##[" in line for line in printed.splitlines())


@pytest.mark.parametrize("name", ["lines", "jsonl", "service-log"])
def test_no_line_of_the_input_makes_a_line_of_a_message(
    judge: Judge, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The line that a message shows is escaped, too."""
    judge(f"--format {name}", b"::error::x \x1b[2J ##[error]\n" + answers_in(name, CANARY))
    error = capsys.readouterr().err
    assert "line 1" in error
    assert "\x1b" not in error
    assert "::" not in error
    assert "##[" not in error
    assert too_long(error) == []


def test_bodies_between_many_newlines_are_counted(judge: Judge) -> None:
    """Bodies with a hundred thousand newlines between them are each counted once."""
    data = (b"\n" * 100_000).join([CANARY_BODY] * 3 + [STABLE_BODY] * 7)
    assert judge("--sent 10", data) == 11
