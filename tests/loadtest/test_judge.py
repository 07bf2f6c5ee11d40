"""The verdict without Locust: what `python loadtest judge` ends as, for counts and for answers of other tools."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from canary_loadtest.core.answer import DESTINATION_HEADER
from canary_loadtest.core.contract import CANARY_BODY, CONTENT_TYPE, STABLE_BODY
from canary_loadtest.core.labels import CANARY, STABLE
from tests.loadtest.judging import Judge, judge_with
from tests.loadtest.records import answers_in, json_line, record_of, vegeta_record_of
from tests.loadtest.schema import read
from tests.support.repository import ROOT
from tests.support.text import unwrapped

RECORDED = ROOT / "tests" / "data" / "answers"
EXIT_CODES = {"CONFIRMED": 0, "REFUTED": 10, "INCONCLUSIVE": 11}
ARTICLE = [
    STABLE_BODY,
    CANARY_BODY,
    STABLE_BODY,
    STABLE_BODY,
    CANARY_BODY,
    STABLE_BODY,
    STABLE_BODY,
    STABLE_BODY,
    CANARY_BODY,
    STABLE_BODY,
]

SPLIT = [CANARY] * 300 + [STABLE] * 700


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Return a function that judges the split of what is on standard input, and returns the exit code."""
    return judge_with(monkeypatch, "--only-split")


@pytest.fixture
def judge_both(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Return the same function for both findings, as by default."""
    return judge_with(monkeypatch)


def process(arguments: list[str], stdin: bytes | None = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run `python loadtest` in the repository."""
    return subprocess.run(
        [sys.executable, "loadtest", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ("--expect-canary 30 --canary 300 --stable 700 --other 0", "CONFIRMED"),
        ("--expect-canary 30% --canary 300 --stable 700 --other 2", "CONFIRMED"),
        ("--expect-canary 50 --canary 300 --stable 700 --other 0", "REFUTED"),
        ("--expect-canary 30 --canary 3 --stable 7 --other 0", "INCONCLUSIVE"),
        ("--expect-canary 30 --canary 300 --stable 700 --other 500", "INCONCLUSIVE"),
        ("--expect-canary 30 --canary 300.0 --stable 700.0 --other 0.0", "CONFIRMED"),
        ("--expect-canary 30 --canary 3e+06 --stable 7.0e+06 --other 0", "CONFIRMED"),
        ("--expect-canary 30 --canary 0 --stable 0 --other 0", "INCONCLUSIVE"),
        ("--expect-canary 30 --canary 0 --stable 0 --other 9", "INCONCLUSIVE"),
        ("--expect-canary 30 --tolerance 1 --canary 300 --stable 700 --other 0", "INCONCLUSIVE"),
        ("--expect-canary 30 --alpha 1e-9 --canary 300 --stable 700 --other 0", "INCONCLUSIVE"),
        ("--expect-canary 0 --canary 0 --stable 400 --other 0", "CONFIRMED"),
        ("--expect-canary 0 --canary 1 --stable 400 --other 0", "REFUTED"),
        ("--expect-canary 100 --canary 400 --stable 0 --other 0", "CONFIRMED"),
        ("--expect-canary 100 --canary 400 --stable 1 --other 0", "REFUTED"),
    ],
)
def test_counts_decide_exit_code(
    judge: Judge, capsys: pytest.CaptureFixture[str], tmp_path: Path, options: str, outcome: str
) -> None:
    """Counts give the verdict that they prove, alike in exit code, table and verdict file."""
    file = tmp_path / "verdict.json"
    exit_code = judge(f"{options} --verdict-json {file}")
    assert exit_code == EXIT_CODES[outcome]
    verdict = read(file)
    assert (verdict["verdict"], verdict["exit_code"]) == (outcome, exit_code)
    assert f"verdict:  {outcome} - {verdict['reason']}\n" in unwrapped(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("options", "recorded", "counted"),
    [
        ("", "curl.txt", {"unexpected_text": 1}),
        ("--sent 30", "curl.txt", {"other_or_none": 3}),
        ("--format jsonl", "k6.jsonl", {"status_503": 1, "connection_error": 2}),
        ("--format jsonl --route 70-30", "k6.jsonl", {"status_503": 1, "connection_error": 2}),
        ("--format vegeta", "vegeta.jsonl", {"status_503": 1, "connection_error": 2}),
        ("--format vegeta --route 70-30", "vegeta.jsonl", {"status_503": 1, "connection_error": 2}),
        ("--format service-log", "service.log", {"canary": 6, "stable": 14}),
        ("--format service-log --sent 20", "service.log", {"canary": 6, "stable": 14}),
    ],
)
def test_recorded_answers_count_as_the_server_did(
    judge: Judge, tmp_path: Path, options: str, recorded: str, counted: dict[str, int]
) -> None:
    """The real output of curl, k6, vegeta and, for hey, of the service holds the counts that the server had."""
    file = tmp_path / "verdict.json"
    exit_code = judge(f"--expect-canary 30 --verdict-json {file} {options} {RECORDED / recorded}")
    counts = read(file)["counts"]
    answers = {"canary": counts["canary"], "stable": counts["stable"]}
    assert answers | counts["other_by_kind"] == {"canary": 8, "stable": 19} | counted
    assert exit_code == 11


@pytest.mark.parametrize("separator", [b"", b"\n"])
def test_ten_answers_of_the_article_prove_nothing(
    judge: Judge, capsys: pytest.CaptureFixture[str], separator: bytes
) -> None:
    """The article's seven stable and three canary answers, with no newline between them, are INCONCLUSIVE."""
    assert judge("--expect-canary 30 --sent 10", separator.join(ARTICLE)) == 11
    assert "10 answers are too few" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--expect-canary 30", "INCONCLUSIVE - these answers would confirm the share, but requests without an answer"),
        ("--expect-canary 50", "INCONCLUSIVE - these answers would refute the share, but requests without an answer"),
        ("--expect-canary 30 --sent 1000", "CONFIRMED - 300 of 1000"),
        ("--expect-canary 50 --sent 1000", "REFUTED - 300 of 1000"),
        ("--expect-canary 30 --sent 1500", "INCONCLUSIVE - 500 of 1500 answers are neither"),
        ("--expect-canary 30 --sent 999", "INCONCLUSIVE - the record has 1000 requests, 1 more than --sent 999"),
        ("--expect-canary 0", "REFUTED - 300 of 1000"),
    ],
)
@pytest.mark.parametrize("name", ["bodies", "lines", "jsonl", "service-log"])
def test_records_that_may_lack_requests_prove_nothing_alone(
    judge: Judge, capsys: pytest.CaptureFixture[str], name: str, options: str, words: str
) -> None:
    """Without the number of requests a record neither confirms nor refutes, but for an answer that none may give."""
    assert judge(f"{options} --format {name}", answers_in(name, *SPLIT)) == EXIT_CODES[words.partition(" ")[0]]
    printed = unwrapped(capsys.readouterr().out)
    assert f"verdict:  {words}" in printed
    if "without an answer" in words:
        assert "next:     pass the number of requests that were sent (--sent N)" in printed
        assert ("--complete" in printed) == (name != "bodies")
    if "1500" in words:
        assert f"(500 {'no_answer' if name == 'jsonl' else 'other_or_none'})" in printed


@pytest.mark.parametrize("name", ["lines", "jsonl", "service-log"])
@pytest.mark.parametrize(("percent", "outcome"), [(30, "CONFIRMED"), (50, "REFUTED")])
def test_a_record_is_complete_where_that_is_said(
    judge: Judge, capsys: pytest.CaptureFixture[str], name: str, percent: int, outcome: str
) -> None:
    """A verdict on a record that is said to have every request names what it rests on."""
    exit_code = judge(f"--expect-canary {percent} --format {name} --complete", answers_in(name, *SPLIT))
    assert exit_code == EXIT_CODES[outcome]
    assert "; as --complete says, the record has every request\n" in unwrapped(capsys.readouterr().out)


def test_more_requests_than_a_tool_reports_are_no_dead_end(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrk stops its clock with requests under way: the log has more, and the judge says how to go on."""
    log = answers_in("service-log", *SPLIT)
    assert judge("--expect-canary 30 --format service-log --sent 985", log) == 11
    printed = unwrapped(capsys.readouterr().out)
    assert "the record has 1000 requests, 15 more than --sent 985" in printed
    assert "pass --complete in place of --sent" in printed
    assert judge("--expect-canary 30 --format service-log --complete", log) == 0


def test_two_runs_in_one_record_are_noticed(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """k6 appends to its output: the number of requests of one run shows that there are two."""
    both = answers_in("jsonl", *SPLIT, *SPLIT)
    assert judge("--expect-canary 30 --format jsonl --sent 1000", both) == 11
    printed = unwrapped(capsys.readouterr().out)
    assert "the record has 2000 requests, 1000 more than --sent 1000" in printed
    assert "check that the record is of one run" in printed


def test_number_of_requests_replaces_the_guess_at_foreign_text(judge: Judge, tmp_path: Path) -> None:
    """Error pages run together or of many lines are as many as the requests that are left for them, or fewer."""
    file = tmp_path / "verdict.json"
    pages = b"<html>\n<h1>\n503\n</h1>\n</html>\n"
    judge(f"--expect-canary 30 --sent 12 --verdict-json {file}", b"".join(ARTICLE) + 2 * pages)
    assert read(file)["counts"]["other_by_kind"] == {"other_or_none": 2}


def test_bodies_claim_no_status(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """Two errors that follow one another without a newline are neither one answer nor, for the other, none."""
    errors = b"".join([*ARTICLE, b"no healthy upstream", b"no healthy upstream"])
    for options, kind in (("", "1 unexpected_text"), ("--sent 12", "2 other_or_none")):
        judge(f"--expect-canary 30 --tolerance 5 {options}", errors)
        printed = unwrapped(capsys.readouterr().out)
        assert f"({kind})" in printed
        assert "no_answer" not in printed
        assert "200" not in printed


def test_errors_do_not_vanish_in_a_smaller_number_of_requests(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """Errors that are told one by one count although fewer requests are said to have been sent."""
    bodies = [CANARY_BODY] * 300 + [STABLE_BODY] * 700 + [b"no healthy upstream"] * 200
    lines = b"".join(body + b"\n" for body in bodies)
    assert judge("--expect-canary 30 --format lines --sent 1000", lines) == 11
    assert "the record has 1200 requests, 200 more than --sent 1000" in unwrapped(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["bodies", "lines", "jsonl", "vegeta", "service-log"])
def test_empty_input_is_inconclusive(judge: Judge, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A pipe from which nothing came has no verdict."""
    assert judge(f"--expect-canary 0 --format {name}") == 11
    assert "INCONCLUSIVE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--canary 3 --stable 7 --other 0", ["--expect-canary", "required"]),
        ("--expect-canary 101", ["--expect-canary", "101", "from 0 to 100"]),
        ("--expect-canary third", ["--expect-canary", "'third' is not a number"]),
        ("--expect-canary 30 --tolerance 100", ["--tolerance", "100", "below 100"]),
        ("--expect-canary 30 --alpha 0", ["--alpha", "0", "from 1e-12"]),
        ("--expect-canary 30 --canary 3", ["--canary, --stable and --other"]),
        ("--expect-canary 30 --canary 3 --stable 7 --other 0 curl.txt", ["without FILE"]),
        ("--expect-canary 30 --canary 3 --stable 7 --other 0 --sent 10", ["without FILE, --sent"]),
        ("--expect-canary 30 --canary 3 --stable 7 --other 0 --route 70-30", ["or --route"]),
        ("--expect-canary 30 --canary -3 --stable 7 --other 0", ["--canary"]),
        ("--expect-canary 30 --canary three --stable 7 --other 0", ["--canary", "'three' is not a number of answers"]),
        (
            "--expect-canary 30 --canary 2.5 --stable 7 --other 0",
            ["--canary", "'2.5' is not a whole number of answers"],
        ),
        ("--expect-canary 30 --canary 1e999999 --stable 7 --other 0", ["--canary", "at most 15 digits"]),
        ("--expect-canary 30 --canary NaN --stable 7 --other 0", ["--canary", "'NaN' is not a number of answers"]),
        (f"--expect-canary 30 --canary {'9' * 400} --stable 7 --other 0", ["--canary", "at most 15 digits"]),
        (
            "--expect-canary 30 --tolerance 1e-7 --canary 3 --stable 7 --other 0",
            ["--tolerance", "0.001 points or more"],
        ),
        ("--expect-canary 30 --complete", ["--complete needs a line for every request", "use --sent N"]),
        ("--expect-canary 30 --format lines --complete --sent 3", ["give --sent or --complete, not both"]),
        ("--expect-canary 30 --canary 3 --stable 7 --other 0 --complete", ["without FILE, --sent, --complete"]),
        ("--expect-canary 30 --canary 3 --stable 7 --other 0 --format jsonl", ["an option that says what FILE is"]),
        ("--expect-canary 30 --canary 3 --stable 7 --other 0 --field v", ["an option that says what FILE is"]),
        ("--expect-canary 30 --canary 3 --stable 7 --other 0 --classify a.py:f", ["an option that says what FILE is"]),
        ("--expect-canary 30 --field= --canary-value a --stable-value b", ["--field is empty"]),
        ("--expect-canary 30 a.log a.log", ["named twice"]),
        ("--expect-canary 30 --forma jsonl x", ["unrecognized arguments: --forma"]),
        ("--expect-canary 30 --route 70-30", ["--route", "--format bodies has none"]),
        ("--expect-canary 30 --format xml", ["--format", "'xml'", "vegeta"]),
        ("--expect-canary 30 --verdict-json nowhere/v.json", ["--verdict-json", "nowhere/v.json does not exist"]),
        ("--expect-canary 30 --junit nowhere/v.xml", ["--junit", "nowhere/v.xml does not exist"]),
        ("--expect-canary 30 nowhere.txt", ["nowhere.txt: No such file or directory"]),
        ("--expect-canary 30 .", [".: Is a directory"]),
    ],
)
def test_wrong_use_is_named(judge: Judge, capsys: pytest.CaptureFixture[str], options: str, words: list[str]) -> None:
    """A missing, impossible or contradicting option, or a file that cannot be read, ends with 2 and is named."""
    assert judge(options) == 2
    lines = capsys.readouterr().err.splitlines()
    message = " ".join(" ".join(lines).split())
    assert all(word in message for word in words), message
    assert max(map(len, lines)) <= 80


def test_interrupt_leaves_no_verdict(
    judge: Judge, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while answers are read ends with neither 0 nor 10, without a traceback."""

    def interrupted(_: str) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("canary_loadtest.judge.command._open", interrupted)
    assert judge("--expect-canary 30") == 130
    assert capsys.readouterr().err == "canary-judge: interrupted, no verdict\n"


@pytest.mark.parametrize("arguments", [[], ["juge"]])
def test_module_tells_how_it_is_used(arguments: list[str]) -> None:
    """`python loadtest` without its one command says what it is, and ends with 2."""
    ended = process(arguments)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.startswith(b"usage: python loadtest judge")


def test_pipe_is_judged_under_an_ascii_locale(tmp_path: Path) -> None:
    """Answers from a pipe are judged, and a name beyond ASCII or half a character harms neither table nor file."""
    file = tmp_path / "verdict.json"
    lines = [
        json.dumps(
            {
                "status": 200,
                "headers": {"Content-Type": CONTENT_TYPE, "X-Canary-Route": route},
                "body": STABLE_BODY.decode(),
            }
        ).encode()
        for route in ("70-30-ü", "\ud800")
    ]
    ended = process(
        ["judge", "--expect-canary", "30", "--format", "jsonl", "--verdict-json", str(file)],
        b"\n".join(lines),
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
    )
    assert (ended.returncode, ended.stderr) == (11, b"")
    assert b"more than one route" in ended.stdout
    assert read(file)["counts"]["routes"] == {"70-30-ü": 1, r"\ud800": 1}


def test_closed_standard_input_is_named() -> None:
    """Without a standard input, and without a file, there is nothing to judge: exit code 2, no traceback."""
    command = f'exec "{sys.executable}" loadtest judge --expect-canary 30 <&-'
    ended = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"standard input is closed" in ended.stderr
    assert b"Traceback" not in ended.stderr


def failing_record(count: int = 400) -> bytes:
    """Return JSON lines of a right split whose canary fails one of two, each naming its destination."""
    lines = []
    for number in range(count):
        version = CANARY if number % 10 in {1, 4, 8} else STABLE
        status = 503 if version == CANARY and number % 2 else 200
        lines.append(json_line(record_of(version, status, CONTENT_TYPE, **{DESTINATION_HEADER: version})))
    return b"".join(lines)


@pytest.mark.parametrize(
    ("options", "finding", "exit_code"),
    [
        ("--sent 400", "WORSE", 10),
        ("--complete", "WORSE", 10),
        ("", "UNDECIDED", 11),
        ("--sent 600", "UNDECIDED", 11),
    ],
)
def test_a_record_with_all_requests_tells_a_failing_canary(
    judge_both: Judge, tmp_path: Path, options: str, finding: str, exit_code: int
) -> None:
    """Where requests are missing and not counted, nothing is found; where they are, they may be stable's errors."""
    file = tmp_path / "verdict.json"
    code = judge_both(f"--expect-canary 30 --format jsonl --verdict-json {file} {options}", failing_record())
    health = read(file)["health"]
    assert (health["finding"], code) == (finding, exit_code)
    assert health["counts"]["unknown_errors"] == (200 if "600" in options else 0)
    if not options:
        assert health["sentence"] == "requests without an answer are not among these"


def test_a_vegeta_record_tells_a_failing_canary(judge_both: Judge, tmp_path: Path) -> None:
    """It has every request by itself."""
    file = tmp_path / "verdict.json"
    lines = []
    for number in range(400):
        version = CANARY if number % 10 in {1, 4, 8} else STABLE
        code = 503 if version == CANARY and number % 2 else 200
        lines.append(json_line(vegeta_record_of(version, code, **{DESTINATION_HEADER: version})))
    assert judge_both(f"--expect-canary 30 --format vegeta --verdict-json {file}", b"".join(lines)) == 10
    assert read(file)["health"]["finding"] == "WORSE"


@pytest.mark.parametrize(
    ("options", "exit_code", "said"),
    [
        ("--canary 600 --stable 1400 --other 0", 0, "and the canary is at most 1 point worse than stable"),
        ("--canary 300 --stable 700 --other 0", 11, "the split is right, but 1000 answers are too few to know"),
        ("--canary 300 --stable 700 --other 0 --next-weight 50", 0, "at most 2 points worse than stable"),
        ("--canary 300 --stable 700 --other 0 --margin 10", 0, "at most 10 points worse than stable"),
        ("--canary 300 --stable 700 --other 0 --only-split", 0, "if the canary is fit to get more was not asked"),
        ("--canary 2900 --stable 7000 --other 100", 11, "100 errors name no version, and may be of either"),
        ("--canary 5000 --stable 5000 --other 0", 10, "the share is not 30 %"),
    ],
)
def test_counts_of_all_requests_decide_on_both(
    judge_both: Judge, capsys: pytest.CaptureFixture[str], options: str, exit_code: int, said: str
) -> None:
    """A go-ahead takes as many answers as the next step asks for; errors without a name hold it and never refute."""
    assert judge_both(f"--expect-canary 30 {options}") == exit_code
    assert said in unwrapped(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--next-weight 30", "the next weight is 30, not above the expected share of 30"),
        ("--next-weight 0", "the next weight is 0: give a percentage above 0"),
        ("--margin 0", "the margin is 0: give 0.001 points or more"),
        ("--destination-header a:b", "'a:b' is not the name of a header"),
    ],
)
def test_a_go_ahead_that_cannot_be_asked_for_is_refused(
    judge_both: Judge, capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    """Exit code 2, with the value and what is allowed."""
    assert judge_both(f"--expect-canary 30 {options} --canary 1 --stable 1 --other 0") == 2
    assert message in " ".join(capsys.readouterr().err.split())
