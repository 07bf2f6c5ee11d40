"""The judge on access logs and with a classifier of one's own: services with another contract."""

import json
from pathlib import Path

import pytest

from canary_loadtest.core.labels import CANARY, STABLE
from tests.loadtest.judging import Judge, judge_with
from tests.loadtest.records import json_line, record_of, vegeta_record_of
from tests.support.text import unwrapped

COLOURS = ["green"] * 300 + ["blue"] * 700
BY_COLOUR = "--canary-value green --stable-value blue"
ENVOY = (
    '[2026-11-28T16:09:41.102Z] "GET /shop HTTP/1.1" {status} - via_upstream - "-" 0 135 3 1 "-" "curl/8 [x]"'
    ' "0f4e" "shop:8000" "10.44.1.23:80" outbound|8000|{version}|shop.default.svc.cluster.local 10.44.1.27:80'
    " 10.44.1.23:37652 -"
)
NGINX = '192.0.2.7 - - [28/Nov/2026:16:09:41 +0000] "GET /shop HTTP/1.1" {status} 612 "-" "curl/8" {version}'


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Return a function that judges what is on standard input, and returns the exit code."""
    return judge_with(monkeypatch, "--expect-canary", "30", "--only-split")


def text_log(form: str, versions: list[str], status: int = 200) -> bytes:
    """Return an access log of text with a line for each version."""
    return "".join(form.format(version=version, status=status) + "\n" for version in versions).encode()


def istio_log(versions: list[str], **members: object) -> bytes:
    """Return an access log as Istio writes it in JSON, with a line for each subset."""
    return b"".join(
        json_line({"upstream_cluster": f"outbound|80|{version}|shop.default", "response_code": 200} | members)
        for version in versions
    )


def json_log(versions: list[str]) -> bytes:
    """Return an access log of JSON, whose version is within another object."""
    return b"".join(json_line({"status": "200", "app": {"version": version}}) for version in versions)


LOGS = {
    "a member": ("app.version", json_log(COLOURS)),
    "a subset of Istio": ("upstream_cluster", istio_log(COLOURS)),
    "a column of Envoy": ("17", text_log(ENVOY, COLOURS)),
    "a column of Envoy from the end": ("-4", text_log(ENVOY, COLOURS)),
    "the last column of nginx": ("-1", text_log(NGINX, COLOURS)),
    "a column behind what kubectl writes": ("10", text_log("[pod/gateway-0/nginx] " + NGINX, COLOURS)),
    "a column behind what Compose writes": ("10", text_log("gateway-1  | " + NGINX, COLOURS)),
    "a column in a file of the runtime": ("10", text_log("2026-11-28T16:09:36Z stdout F " + NGINX, COLOURS)),
}


@pytest.mark.parametrize("log", LOGS)
def test_an_access_log_is_judged_by_a_field(
    judge: Judge, capsys: pytest.CaptureFixture[str], tmp_path: Path, log: str
) -> None:
    """The column or member that names the version decides, and all outputs have the versions' own names."""
    field, text = LOGS[log]
    file, summary = tmp_path / "verdict.json", tmp_path / "summary.md"
    outputs = f"--verdict-json {file} --summary {summary}"
    assert judge(f"--field {field} {BY_COLOUR} --complete {outputs}", text) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "300 of 1000" in captured.out
    assert "as --complete says" in unwrapped(captured.out)
    names = {"canary": "green (canary)", "stable": "blue (stable)"}
    assert json.loads(file.read_text(encoding="utf-8"))["row_names"] == names
    for output in (captured.out, summary.read_text(encoding="utf-8")):
        assert all(name in output for name in names.values())
        assert "V3" not in output


def test_a_version_may_have_several_values(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """The pods of a version, each with an address of its own, are one version."""
    pods = ["10.0.0.1:80", "10.0.0.2:80"] * 150 + ["10.0.1.1:80"] * 700
    values = "--canary-value 10.0.0.1:80 --canary-value 10.0.0.2:80 --stable-value 10.0.1.1:80"
    assert judge(f"--field -1 {values} --complete", text_log(NGINX, pods)) == 0
    printed = capsys.readouterr().out
    assert "300 of 1000" in printed
    assert "  canary  " in printed
    assert "10.0.1.1:80 (stable)" in printed


@pytest.mark.parametrize(
    ("options", "line", "counted"),
    [
        ("--field -1", text_log(NGINX, ["green"], 503), "status_503 canary"),
        ("--field -1", text_log(NGINX, ["blue"], 500), "status_500 stable"),
        ("--field -1", text_log(NGINX, ["-"], 404), "status_404 unknown"),
        ("--field -1", text_log(NGINX, ["red"]), "unexpected_value unknown"),
        ("--field -1", b"no healthy upstream\n", "unexpected_record unknown"),
        ("--field -1 --status-field 3", b"x y 500 green\n", "status_500 canary"),
        ("--field -1 --status-field none", b"green-ish\n", "unexpected_value unknown"),
        ("--field app.version", b'{"status": 0, "app": null}', "status_0 unknown"),
        ("--field app.version", b'{"status": 200, "app": "green"}', "unexpected_value unknown"),
        ("--field app.version", b'{"app": {"version": "green"}}', "unexpected_record unknown"),
        ("--field app.version --status-field code.http", b'{"code": {"http": 502}}', "status_502 unknown"),
        ("--field upstream_cluster", istio_log(["green"], response_code=503), "status_503 canary"),
        ("--field upstream_cluster", istio_log(["green"], upstream_cluster=None), "unexpected_value unknown"),
    ],
)
def test_any_other_line_of_an_access_log_is_told_apart(
    judge: Judge, tmp_path: Path, options: str, line: bytes, counted: str
) -> None:
    """An error counts as its status, of the version that it names; another value, or no status, as that."""
    kind, version = counted.split()
    known = b"1 2 200 blue\n" if "--status-field 3" in options else b'"GET /" 200 blue\n'
    if "none" in options:
        known = b"blue\n"
    if "--field -1" not in options:
        known = json_line(
            {"status": 200, "code": {"http": 200}, "app": {"version": "blue"}, "upstream_cluster": "blue"}
        )
    file = tmp_path / "verdict.json"
    assert judge(f"{options} {BY_COLOUR} --complete --verdict-json {file}", known + line) == 11
    counts = json.loads(file.read_text(encoding="utf-8"))["counts"]
    assert counts["canary"] + counts["stable"] == 1
    assert counts["other_by_kind"] == {kind: 1}
    assert counts["drawn"] == {"canary": 0, "stable": 1, "unknown": 0} | {version: 1 + (version == "stable")}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--field version", "give --field with --canary-value and --stable-value"),
        (f"--field version {BY_COLOUR} --format lines", "without --format"),
        ("--field version --canary-value a --stable-value a", "are the same"),
        (f"--field 0 {BY_COLOUR}", "columns are counted from 1"),
        (f"--field 3 --status-field code {BY_COLOUR}", "both columns, or both members"),
        ("--canary-value a", "go with --field NAME"),
        (f"--field version {BY_COLOUR} --route 70-30", "--route needs answers with headers: --field version has none"),
        (f"--field version {BY_COLOUR} --classify a.py:b", "--classify needs answers with headers"),
        ("--classify a.py:b", "--classify needs answers with headers: --format bodies has none"),
    ],
)
def test_wrong_use_of_a_field_is_named(
    judge: Judge, capsys: pytest.CaptureFixture[str], options: str, words: str
) -> None:
    """What is missing, or contradicts, is named in the judge's own options."""
    assert judge(options) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_field_that_no_line_has_is_named(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no line is of either version, the option is wrong, and what stands there instead is shown."""
    assert judge(f"--field app.colour {BY_COLOUR} --complete", json_log(COLOURS)) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "none of the 1000 lines is a record of --field app.colour; is --field right?" in error
    assert "line 1: the value of app.colour is 'null'" in error


CLASSIFIER = """
from canary_loadtest.core.labels import CANARY, STABLE

def classify(status, headers, body):
    if status != 200:
        return f"status_{status}"
    return {b"v2": CANARY, b"v1": STABLE}.get(body, headers["x-colour"])

class Shop:
    classify = staticmethod(classify)

def broken(status, headers, body):
    raise ValueError(body)

def silent(status, headers, body):
    return None

def leaving(status, headers, body):
    raise SystemExit(0)

def forging(status, headers, body):
    raise ValueError(f"cannot read {' ' * 50} ::error::all is well")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a file with classifiers."""
    file = tmp_path / "shop.py"
    file.write_text(CLASSIFIER, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ["classify", "Shop.classify"])
def test_a_classifier_of_ones_own_judges_as_in_the_load_test(
    judge: Judge, capsys: pytest.CaptureFixture[str], shop: Path, name: str
) -> None:
    """It is given status, headers in lower case and body, and its labels are counted."""
    records = [record_of(CANARY) | {"body": body, "headers": {"X-Colour": "red"}} for body in ["v2", "v1"] * 30]
    records += [record_of(CANARY, 503), record_of(STABLE, 200, **{"X-Colour": "red"})]
    assert judge(f"--classify {shop}:{name} --format jsonl --sent 62", b"".join(map(json_line, records))) == 11
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert {("canary", "30"), ("stable", "30"), ("red", "1"), ("status_503", "1")} <= {
        tuple(words[:2]) for words in printed
    }


def test_a_classifier_reads_vegeta(judge: Judge, capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    """Both formats that have headers have a classifier."""
    record = vegeta_record_of(CANARY) | {"headers": {"X-Colour": ["red"]}}
    assert judge(f"--classify {shop}:classify --format vegeta", json_line(record)) == 11
    assert "1 red" in unwrapped(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("SHOP:broken", "broken raised ValueError("),
        ("SHOP:silent", "silent returned None and no label for an answer with status 200"),
        ("SHOP:absent", "has no absent"),
        ("SHOP:CANARY", "CANARY is no function"),
        ("SHOP", "write FILE.py:NAME"),
        ("nowhere.py:classify", "there is no file nowhere.py"),
        ("FAULTY:classify", "cannot be loaded: SyntaxError("),
        ("LEAVING:classify", "cannot be loaded: SystemExit(0)"),
        ("SHOP:leaving", "leaving raised SystemExit(0)"),
        ("SHOP:forging", "\\x3a:error::all is well"),
    ],
)
def test_a_fault_of_a_classifier_is_named_once(
    judge: Judge, capsys: pytest.CaptureFixture[str], shop: Path, place: str, words: str
) -> None:
    """A classifier that raises, gives no label or is not there ends the judge with 2, one message and no traceback."""
    faulty = shop.with_name("faulty.py")
    faulty.write_text("def classify(:\n", encoding="utf-8")
    leaving = shop.with_name("leaving.py")
    leaving.write_text("raise SystemExit(0)\n", encoding="utf-8")
    option = place.replace("SHOP", str(shop)).replace("FAULTY", str(faulty)).replace("LEAVING", str(leaving))
    assert judge(f"--classify {option} --format jsonl", json_line(record_of(CANARY)) * 3) == 2
    captured = capsys.readouterr()
    error = " ".join(captured.err.split())
    assert error.count(words) == 1
    assert captured.out == ""
    assert "Traceback" not in error


def test_a_log_without_a_status_judges_the_split_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every third line of the canary may be an error: without a status no one sees it, so there is no go-ahead."""
    both = judge_with(monkeypatch, "--expect-canary", "30")
    log = b"blue\n" * 700 + b"green\n" * 300
    assert both(f"--field -1 --status-field none {BY_COLOUR} --complete", log) == 2
    assert "judge the split alone (--only-split)" in " ".join(capsys.readouterr().err.split())
