"""Texts that are not manifests, damaged and hostile ones included, raise one kind of error."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.lab.translation.manifests import ManifestError, parse
from tests.lab.states import ISTIO
from tests.support.repository import text_of

FILE: Final = "istio/some.yaml"


def refusal(text: str) -> str:
    """Return the error of a manifest that the lab refuses."""
    with pytest.raises(ManifestError) as caught:
        parse(text, FILE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty: it must hold a resource"),
        ("# only a comment\n---\n", "the file is empty: it must hold a resource"),
        ("a: 1\n---\nb: 2\n", "apiVersion: this field is missing"),
        ("a: b: c", "line 1: this is not YAML: mapping values are not allowed here"),
        ("a: 1\nb: [", "line 2: this is not YAML: expected the node content, but found '<stream end>'"),
        ("a: *b", "line 1: this is not YAML: found undefined alias 'b'"),
        ("only words", "must be a mapping of at least one `key: value`"),
        ("- a\n- b", "must be a mapping of at least one `key: value`"),
        ("1: a", "1: must be a field's name; put it in quotes if it is one"),
        ("[a]: b", "must be a field's name"),
        ("<<: {kind: Gateway}", "apiVersion: this field is missing"),
        ("<<: Gateway", "must be a mapping of at least one `key: value`"),
        (
            "spec:\n  weight: {{ .Values.weight }}",
            (
                "line 2: {{ .Values.weight }}: this is a template of Helm's: write its manifests with "
                "`helm template CHART > FILE`, and name that file"
            ),
        ),
        (
            "resources: [a.yaml]",
            "this is a kustomization: write its manifests with `kubectl kustomize FOLDER > FILE`, and name that file",
        ),
        ("{apiVersion: v1, kind: List, items: []}", "the list is empty: it must hold a resource"),
        ("%YAML 1.2\n---\na: 1\n", "%YAML 1.2: kubectl reads version 1.1 alone: remove the line"),
        (
            "{apiVersion: networking.istio.io/v1, kind: VirtualServce}",
            "kind: VirtualServce: there is no such kind: did you mean VirtualService?",
        ),
    ],
)
def test_a_text_that_is_not_a_manifest_is_refused(text: str, problem: str) -> None:
    """Anything but a single YAML mapping is refused by file, and by line where YAML itself fails."""
    assert refusal(text) == f"{FILE}: {problem}"


@pytest.mark.parametrize("text", ["a\x00b", '"\\UFFFFFFFF"', "[" * 20000])
def test_a_hostile_text_is_refused_without_a_traceback(text: str) -> None:
    """A text for which PyYAML raises errors other than its own is refused like any other text that is not YAML."""
    assert refusal(text).startswith(f"{FILE}: this is not YAML that the lab can read: ")


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but ManifestError, whose message begins with the file."""
    assert refusal(text).startswith(f"{FILE}: ")


@settings(deadline=None, derandomize=True)
@given(
    path=st.sampled_from(ISTIO),
    start=st.integers(0, 1500),
    length=st.integers(0, 30),
    inserted=st.text(alphabet="abv12-:{}[]\"'|>&*!%#,?@ \n\t<~.", max_size=12),
)
def test_any_damaged_manifest_is_read_or_refused(path: str, start: int, length: int, inserted: str) -> None:
    """A manifest with a part cut out or written over raises nothing but ManifestError, if anything."""
    text = text_of(path)
    try:
        parse(text[:start] + inserted + text[start + length :], FILE)
    except ManifestError as error:
        assert str(error).startswith(f"{FILE}: ")  # noqa: PT017 - a damaged manifest may still be right
