"""What counts as an answer: `canary_loadtest.core.contract`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_loadtest.core.answer import Destinations
from canary_loadtest.core.contract import CANARY_BODY, CONTENT_TYPE, STABLE_BODY, classify
from canary_loadtest.core.labels import CANARY, STABLE

RIGHT = {"content-type": CONTENT_TYPE}


def test_the_bodies_are_the_contracts_to_the_byte() -> None:
    """The bodies are UTF-8 without escapes, spaces or a newline at the end."""
    assert CANARY_BODY.hex() == (
        "7b22636f6465223a302c2264617461223a2256337c"
        "e697a0e4be9de8b596e6b58be8af95e68ea5e58fa3e8bf94e59b9e2d3e4f4b21"
        "222c226d657373616765223a22e68890e58a9f227d"
    )
    assert CANARY_BODY.replace(b"V3|", b"") == STABLE_BODY


@pytest.mark.parametrize(("body", "label"), [(CANARY_BODY, CANARY), (STABLE_BODY, STABLE)])
def test_exactly_the_contracts_answers_count(body: bytes, label: str) -> None:
    """Status, content type and body of the contract make an answer of its version."""
    assert classify(200, RIGHT, body) == label


@pytest.mark.parametrize(("body", "version", "label"), [(CANARY_BODY, "v2", CANARY), (STABLE_BODY, "v1", STABLE)])
def test_version_that_an_answer_names_may_be_its_own(body: bytes, version: str, label: str) -> None:
    """An answer that names the version of its body counts as one that names none."""
    assert classify(200, RIGHT | {"x-service-version": version}, body) == label


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (503, {}, b"no healthy upstream", "status_503"),
        (503, {"x-envoy-overloaded": "true"}, b"", "overloaded_503"),
        (500, {"x-envoy-overloaded": "true"}, b"", "status_500"),
        (503, RIGHT, CANARY_BODY, "status_503"),
        (302, RIGHT, CANARY_BODY, "status_302"),
        (201, RIGHT, CANARY_BODY, "status_201"),
        (200, {"content-type": "application/json"}, CANARY_BODY, "unexpected_content_type"),
        (200, {"content-type": "text/html"}, CANARY_BODY, "unexpected_content_type"),
        (200, {"content-type": CONTENT_TYPE.lower()}, CANARY_BODY, "unexpected_content_type"),
        (200, {}, CANARY_BODY, "unexpected_content_type"),
        (200, RIGHT | {"content-encoding": "gzip"}, CANARY_BODY, "unexpected_encoding"),
        (200, RIGHT | {"content-encoding": "identity"}, CANARY_BODY, CANARY),
        (200, RIGHT, CANARY_BODY + b"\n", "unexpected_body"),
        (200, RIGHT, CANARY_BODY[:-1], "unexpected_body"),
        (200, RIGHT, CANARY_BODY + CANARY_BODY, "unexpected_body"),
        (200, RIGHT, CANARY_BODY.replace(b"V3", b"V2"), "unexpected_body"),
        (200, RIGHT, CANARY_BODY.replace(b",", b", "), "unexpected_body"),
        (200, RIGHT, b"", "unexpected_body"),
        (200, RIGHT | {"x-service-version": "v1"}, CANARY_BODY, "version_mismatch"),
        (200, RIGHT | {"x-service-version": "v2"}, STABLE_BODY, "version_mismatch"),
        (200, RIGHT | {"x-service-version": "v3"}, CANARY_BODY, "version_mismatch"),
        (200, RIGHT | {"x-service-version": "V2"}, CANARY_BODY, "version_mismatch"),
        (200, RIGHT | {"x-service-version": ""}, STABLE_BODY, "version_mismatch"),
        (200, RIGHT | {"x-service-version": "v1"}, b"{}", "unexpected_body"),
    ],
)
def test_anything_else_is_named(status: int, headers: dict[str, str], body: bytes, kind: str) -> None:
    """An answer that is not exactly the contract's counts for no version, and says why."""
    assert classify(status, headers, body) == kind


@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(
        st.sampled_from(["content-type", "content-encoding", "x-envoy-overloaded", "x-service-version"]),
        st.text() | st.sampled_from([CONTENT_TYPE, "v1", "v2"]),
    ),
    body=st.one_of(st.binary(), st.sampled_from([CANARY_BODY, STABLE_BODY])),
)
def test_no_other_response_is_an_answer(status: int, headers: dict[str, str], body: bytes) -> None:
    """Any answer is labelled canary or stable only with the contract's status, type, body and version."""
    label = classify(status, headers, body)
    if label in {CANARY, STABLE}:
        assert (status, headers["content-type"]) == (200, CONTENT_TYPE)
        assert (body, headers.get("x-service-version")) in {
            (CANARY_BODY, None),
            (CANARY_BODY, "v2"),
            (STABLE_BODY, None),
            (STABLE_BODY, "v1"),
        }


@pytest.mark.parametrize(
    ("value", "version"),
    [
        ("shop-5f7c-x2x4b", CANARY),
        ("shop-primary-7d9f-abcde", STABLE),
        ("shop", ""),
        ("other-5f7c-x2x4b", ""),
        ("shop-*", CANARY),
        (None, ""),
        (["shop-1", "shop-2"], ""),
    ],
)
def test_a_name_may_stand_for_all_that_begin_so(value: object, version: str) -> None:
    """Where both names fit, the longer one counts; a header that came twice names nothing."""
    assert Destinations("x-pod-name", "shop-*", "shop-primary-*").of({"x-pod-name": value}) == version
    assert Destinations("x-pod-name", "shop-primary-*", "shop-*").of({"x-pod-name": value}) == (
        {CANARY: STABLE, STABLE: CANARY}.get(version, "")
    )
