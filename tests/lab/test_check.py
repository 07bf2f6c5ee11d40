"""`lab check` finds what is wrong in manifests, at its place, and nothing in what is right."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.lab.__main__ import main
from scripts.lab.check.rules import values
from scripts.lab.check.rules.findings import RULES
from scripts.record import check_fields
from tests.lab.check_base import RIGHT, Case
from tests.lab.check_cases import CASES
from tests.lab.check_corpus import by_check, by_istioctl
from tests.support.repository import ROOT
from tests.support.text import too_long

Checked = Callable[..., "tuple[int, list[dict[str, Any]]]"]
# What only the bytes of a file or a whole folder can have: they have tests of their own.
OF_FILES = {"empty", "encoding"}


@pytest.fixture
def checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Checked:
    """Give a function that checks one text, and returns the exit code and the findings."""

    def check(content: str | bytes, *more: str) -> tuple[int, list[dict[str, Any]]]:
        file = tmp_path / "shop.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        exit_code = main(["check", "--json", str(file), *more])
        return exit_code, json.loads(capsys.readouterr().out)["findings"]

    return check


def rules(findings: list[dict[str, Any]]) -> set[str]:
    """Return the rules that found something."""
    return {found["rule"] for found in findings}


def test_right_manifests_have_no_finding(checked: Checked) -> None:
    """Service, Deployments, Gateway, rule and routes that fit together end with 0."""
    assert checked(RIGHT) == (0, [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_fault_is_found(checked: Checked, case: Case) -> None:
    """Each edit of the right manifests is found by its rules and by no other; errors and warnings end with 1."""
    exit_code, findings = checked(case.text)
    assert rules(findings) == set(case.rules)
    assert exit_code == (1 if {found["level"] for found in findings} - {"note"} else 0)
    assert all(found["line"] > 0 and found["effect"] and found["fix"] for found in findings)


def test_each_rule_has_a_case() -> None:
    """No rule is without an example."""
    assert {rule for case in CASES for rule in case.rules} | OF_FILES == set(RULES)


def test_where_istioctl_finds_something_check_does_too() -> None:
    """In no document of the corpus does istioctl see a fault that `lab check` is silent about."""
    ours = by_check()
    silent = {number: codes for number, codes in by_istioctl().items() if codes and not ours[number]}
    assert silent == {}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_each_version_that_istio_serves_is_right(checked: Checked, version: str) -> None:
    """An older version of the same API is no finding."""
    assert checked(RIGHT.replace("istio.io/v1\n", f"istio.io/{version}\n")) == (0, [])


def test_what_kubectl_adds_is_right(checked: Checked) -> None:
    """A `kind: List` as `kubectl get -o yaml` prints it, with uid, managed fields and status, has no finding."""
    documents = RIGHT.replace("  name: shop\nspec", "  name: shop\n  uid: '1'\n  generation: 2\nstatus: {a: 1}\nspec")
    items = "".join(f"- {part.strip().replace(chr(10), chr(10) + '  ')}\n" for part in documents.split("---\n"))
    assert checked(f"apiVersion: v1\nkind: List\nitems:\n{items}") == (0, [])


def test_merge_keys_and_aliases_are_read(checked: Checked) -> None:
    """A weight that comes by a merge key counts."""
    text = RIGHT.replace(
        "            subset: v1\n          weight: 90", "            subset: v1\n          <<: {weight: 40}"
    )
    (found,) = checked(text)[1]
    assert found["problem"].startswith("40 + 10 = 50")


def test_a_finding_names_its_line_and_its_field(checked: Checked) -> None:
    """The line is that of the file, also in a later document."""
    (found,) = checked(RIGHT.replace("subset: v2\n          weight", "subset: v9\n          weight"))[1]
    line = RIGHT.splitlines()[found["line"] - 1]
    assert line == "            subset: v2"
    assert found["field"] == "spec.http[1].route[1].destination.subset"
    assert "10 %" in found["effect"]


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-16-le", "utf-16-be"])
def test_another_encoding_is_named_and_read(checked: Checked, encoding: str) -> None:
    """A file in an encoding that kubectl does not take is named as what it looks like; its faults are found, too."""
    text = f"# 灰度发布：百分之十\n{RIGHT.replace('weight: 90', 'weight: 40')}"
    exit_code, findings = checked(text.encode(encoding))
    assert exit_code == 1
    assert rules(findings) == {"encoding", "weights-sum"}
    assert encoding.upper()[:6].rstrip("-") in findings[0]["problem"]
    assert findings[0]["fix"] == "save it as UTF-8"


@pytest.mark.parametrize(
    "data",
    [bytes(range(256)), b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00"],
)
def test_what_is_no_text_is_named(checked: Checked, data: bytes) -> None:
    """A program or a picture is not taken for UTF-16."""
    exit_code, (found,) = checked(data)
    assert (exit_code, found["rule"]) == (1, "encoding")
    assert found["problem"] == "this file is no text, or of an unknown encoding"


def test_braces_in_a_comment_or_a_value_are_no_template(checked: Checked) -> None:
    """Only what Helm itself writes in braces is one, and only outside of comments."""
    text = RIGHT.replace("    - name: split", '    - headers: {response: {set: {x-a: "{{ b }}"}}}\n      name: split')
    assert checked(f"# {{{{ .Values.a }}}}\n{text}") == (0, [])
    assert rules(checked(RIGHT.replace("weight: 90", 'weight: "{{ .Values.a }}"'))[1]) == {"template"}


@pytest.mark.parametrize("text", ["resources: [a.yaml]\n", "patches: [{path: a.yaml}]\nnamePrefix: a-\n"])
def test_a_kustomization_without_a_kind_is_named(checked: Checked, text: str) -> None:
    """Most kustomizations have neither kind nor version."""
    assert rules(checked(text)[1]) == {"kustomization"}


def test_a_number_is_one_as_kubectl_reads_it(checked: Checked) -> None:
    """9e1 is 90 to kubectl, and a text to other readers of YAML."""
    assert checked(RIGHT.replace("weight: 90", "weight: 9e1")) == (0, [])


def test_the_bound_on_values_is_one_on_aliases(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of all objects of a cluster may be long."""
    monkeypatch.setattr(values, "MOST_VALUES", 10)
    assert checked(RIGHT) == (0, [])
    assert rules(checked(f"a: &a [1, 2, 3, 4, 5]\nb: [*a, *a]\n---\n{RIGHT}")[1]) == {"not-yaml"}


def test_nothing_that_a_terminal_obeys_is_printed(checked: Checked) -> None:
    """A value with an escape sequence is shown with its escape."""
    findings = checked(RIGHT.replace("  name: shop-v2\n", '  name: "shop\\e[31m"\n'))[1]
    assert [found["problem"] for found in findings] == ["shop\\x1b[31m: cannot be the name of an object"]


def test_a_sign_of_a_chinese_keyboard_is_named(checked: Checked) -> None:
    """The fix is the sign of YAML."""
    (found,) = checked(RIGHT.replace("            subset: v2\n", "            subset：v2\n", 1))[1]
    assert found["fix"] == "here or in the line above write `:` in place of `：`"


@pytest.mark.parametrize(
    "kind",
    [
        "networking.k8s.io/v1/Ingress",
        "gateway.networking.k8s.io/v1/TCPRoute",
        "gateway.networking.k8s.io/v1/GatewayClass",
        "networking.istio.io/v1/ServiceEntry",
        "serving.knative.dev/v1/Service",
        "apps/v1/StatefulSet",
        "v1/ServiceAccount",
        "argoproj.io/v1alpha1/Rollout",
    ],
)
def test_a_kind_that_is_not_checked_is_named(checked: Checked, kind: str) -> None:
    """A right object of a kind without rules is a note, and is not taken for a misspelt one."""
    version, _, name = kind.rpartition("/")
    exit_code, findings = checked(f"apiVersion: {version}\nkind: {name}\nmetadata: {{name: shop}}\n")
    assert (exit_code, rules(findings)) == (0, {"not-checked"})


@pytest.mark.parametrize(
    "weight", ["1.0e+999", "-1.0e+999", ".inf", ".nan", "9" * 5000, "0x1F", "90.5", "[]", "{}", "~"]
)
def test_a_hostile_weight_is_a_finding(checked: Checked, weight: str) -> None:
    """No number ends in a traceback."""
    assert checked(RIGHT.replace("weight: 90", f"weight: {weight}"))[0] == 1


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n"])
def test_an_empty_file_is_named(checked: Checked, text: str) -> None:
    """A file without an object is a finding."""
    assert rules(checked(text)[1]) == {"empty"}


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x80\x81\xff", b'"\\U99999999"', b"[" * 5000, b"a: &a [*a]"])
def test_hostile_bytes_are_a_finding(checked: Checked, data: bytes) -> None:
    """No content of a file ends in a traceback."""
    assert checked(data)[0] == 1


def test_aliases_of_aliases_are_not_expanded(checked: Checked) -> None:
    """A document of a few lines that stands for a billion values is refused at once."""
    lines = ["a0: &a0 x", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
    assert rules(checked("\n".join(lines))[1]) == {"not-yaml"}


def test_a_broken_document_hides_no_other(checked: Checked) -> None:
    """What is wrong in the documents around one that is not YAML is found in the same run."""
    text = f"a: [\n---\n{RIGHT.replace('weight: 90', 'weight: 40')}"
    assert rules(checked(text)[1]) == {"not-yaml", "weights-sum"}


@pytest.mark.parametrize("file", sorted((ROOT / "tests/data/article").iterdir()), ids=lambda file: file.stem)
@pytest.mark.parametrize("space", ["\u00a0", " "], ids=["pasted", "typed"])
def test_the_articles_files_get_an_explanation(checked: Checked, file: Path, space: str) -> None:
    """Pasted or typed as printed, without the indentation, each file gets the reason why kubectl refuses it."""
    exit_code, findings = checked(file.read_text(encoding="utf-8").replace("\u00a0", space))
    expected = {"no-kind"} if file.stem == "micro-api-canary" else {"indentation"}
    assert exit_code == 1
    assert expected <= rules(findings)
    assert ("odd-space" in rules(findings)) == (space != " ")
    assert not {"not-yaml", "no-name"} & rules(findings)


def test_the_articles_other_faults_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    """Behind the lost indentation: `meta data`, the ports, the limits, the gateway alone."""
    names = ("micro-api-canary-istio-v1", "destination-rule-all", "virtual-service-all")
    assert main(["check", "--json", *(str(ROOT / f"tests/data/article/{name}.txt") for name in names)]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {"target-port", "low-limit", "gateway-only", "unknown-field"} <= rules(findings)
    (misspelt,) = [found for found in findings if found["rule"] == "unknown-field"]
    assert misspelt["fix"] == "did you mean `metadata`?"


def test_a_folder_is_read_with_those_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Objects of one file are looked up in all others; hidden folders and other files are left out."""
    for number, part in enumerate(RIGHT.split("---\n")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "object.yaml").write_text(part, encoding="utf-8")
    (tmp_path / "README.md").write_text("no: [manifest", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.yaml").write_text("no: [manifest", encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "0 errors, 0 warnings, 0 notes; 6 objects in 6 files.\n"


@pytest.mark.parametrize("name", ["missing.yaml", "", "a\0b"])
def test_a_file_that_cannot_be_read_is_wrong_use(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name without a file, and a folder without a manifest, end with 2 and no traceback."""
    monkeypatch.chdir(tmp_path)
    assert main(["check", name]) == 2
    assert capsys.readouterr().err.startswith("lab: ")


@pytest.mark.parametrize("file", sorted((ROOT / "tests/data/manifests").iterdir()), ids=lambda file: file.stem)
def test_what_a_real_istiod_refused_is_an_error(checked: Checked, file: Path) -> None:
    """Each manifest that a cluster refused has an error that says so, and no other manifest has one."""
    findings = checked(file.read_text(encoding="utf-8"))[1]
    refused = [found for found in findings if "refuse" in found["effect"] and found["level"] == "error"]
    assert bool(refused) == file.stem.startswith("refused-")


def test_the_projects_own_manifests_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    """The states under istio/, one at a time with rule and gateway, have no error and no warning."""
    for file in sorted((ROOT / "istio").rglob("virtual-service-*.yaml")):
        files = [str(ROOT / "istio" / name) for name in ("gateway.yaml", "destination-rule.yaml")]
        assert main(["check", *files, str(file)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_what_is_printed_fits_a_terminal(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line has more than 80 columns, and the last one counts the findings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(case.text, encoding="utf-8")
    main(["check", "shop.yaml"])
    printed = capsys.readouterr().out
    assert too_long(printed) == []
    assert re.search(r"^\d+ errors?, \d+ warnings?, \d+ notes?; \d+ objects? in 1 file\.$", printed, re.MULTILINE)


def test_the_fields_are_those_of_the_recorded_schemas() -> None:
    """What `lab check` knows is made from tests/data; `python -m scripts.record.check_fields` writes it again."""
    assert check_fields.FILE.read_text(encoding="utf-8") == check_fields.text()


@pytest.mark.parametrize(
    ("first", "second", "is_reached"),
    [
        ("uri: {prefix: /}", "uri: {prefix: /a}", False),
        ("uri: {prefix: /a}", "uri: {prefix: /}", True),
        ("uri: {prefix: /a}", "uri: {exact: /ab}", False),
        ("uri: {prefix: /A}", "uri: {exact: /ab}", True),
        ("{ignoreUriCase: true, uri: {prefix: /A}}", "uri: {exact: /ab}", False),
        ("uri: {prefix: /a}", "{ignoreUriCase: true, uri: {prefix: /a}}", True),
        ("uri: {regex: '/[a-c]+'}", "uri: {exact: /ab}", False),
        ("uri: {regex: '/[a-c]+'}", "uri: {prefix: /ab}", True),
        ("uri: {regex: '/[a-c]+'}", "uri: {regex: '/[a-c]+'}", False),
        ("headers: {x: {}}", "headers: {x: {exact: a}}", False),
        ("headers: {X: {exact: a}}", "headers: {x: {exact: a}}", False),
        ("headers: {x: {exact: a}}", "headers: {x: {exact: A}}", True),
        ("headers: {x: {regex: '.*'}}", "headers: {x: {prefix: a}}", False),
        ("headers: {x: {exact: a}}", "{headers: {x: {exact: a}}, method: {exact: GET}}", False),
        ("{headers: {x: {exact: a}}, method: {exact: GET}}", "headers: {x: {exact: a}}", True),
        ("headers: {x: {exact: a}}", "headers: {y: {exact: a}}", True),
        ("withoutHeaders: {x: {exact: a}}", "withoutHeaders: {x: {exact: a}}", False),
        ("withoutHeaders: {x: {}}", "withoutHeaders: {x: {exact: a}}", True),
        ("headers: {x: {exact: a}}", "withoutHeaders: {x: {exact: a}}", True),
        ("queryParams: {q: {exact: a}}", "queryParams: {Q: {exact: a}}", True),
        ("gateways: [mesh]", "gateways: [mesh]", False),
        ("gateways: [mesh, shop-gateway]", "gateways: [mesh]", False),
        ("gateways: [mesh]", "gateways: [shop-gateway]", True),
        ("gateways: [mesh]", "uri: {prefix: /a}", True),
        ("port: 80", "port: 80", False),
        ("port: 80", "port: 81", True),
        ("sourceLabels: {app: a}", "sourceLabels: {app: a, v: b}", False),
        ("{name: one, uri: {prefix: /a}}", "{name: two, uri: {prefix: /a}}", False),
    ],
)
def test_a_match_that_is_never_reached_is_one_that_an_earlier_one_covers(
    checked: Checked, first: str, second: str, *, is_reached: bool
) -> None:
    """The first route that matches is taken: only a match that it holds for as well is never reached."""
    flow = [match if match.startswith("{") else f"{{{match}}}" for match in (first, second)]
    routes = "".join(
        f"    - match: [{match}]\n      route: [{{destination: {{host: shop, subset: v1}}}}]\n" for match in flow
    )
    findings = checked(RIGHT.replace("  http:\n", f"  http:\n{routes}", 1))[1]
    lines = [found["field"] for found in findings if found["rule"] == "never-reached"]
    assert ("spec.http[1].match[0]" not in lines) == is_reached
