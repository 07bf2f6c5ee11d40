"""The contract's bodies, pinned byte for byte."""

import pytest

from micro_api import answers

PLAIN_BODY = (
    b'{"code":0,"data":"\xe6\x97\xa0\xe4\xbe\x9d\xe8\xb5\x96\xe6\xb5\x8b\xe8\xaf\x95\xe6\x8e\xa5\xe5\x8f\xa3'
    b'\xe8\xbf\x94\xe5\x9b\x9e->OK!","message":"\xe6\x88\x90\xe5\x8a\x9f"}'
)
V3_BODY = (
    b'{"code":0,"data":"V3|\xe6\x97\xa0\xe4\xbe\x9d\xe8\xb5\x96\xe6\xb5\x8b\xe8\xaf\x95\xe6\x8e\xa5\xe5\x8f\xa3'
    b'\xe8\xbf\x94\xe5\x9b\x9e->OK!","message":"\xe6\x88\x90\xe5\x8a\x9f"}'
)


@pytest.mark.parametrize(
    ("version", "body"),
    [("v1", PLAIN_BODY), ("v2", V3_BODY)],
)
def test_success_body(version: str, body: bytes) -> None:
    """The success bodies are the contract's bytes: UTF-8, no spaces, no newline, keys in order."""
    assert answers.SUCCESS[version] == body


def test_versions_differ_in_the_mark_alone() -> None:
    """V3 in front of the data is the only difference between the answers of v1 and v2."""
    assert answers.SUCCESS["v2"].replace(b"V3|", b"", 1) == answers.SUCCESS["v1"]


def test_encoding_escapes_only_what_json_demands() -> None:
    """Chinese stays readable in a body, and a quote in a message cannot end its string."""
    assert answers.encode(code=1, message='成"功') == '{"code":1,"message":"成\\"功"}'.encode()
