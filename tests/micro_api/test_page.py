"""The page as it is sent; what it does in a browser is tested in tests/browser."""

import base64
import hashlib
import re

import pytest

from micro_api.page import PAGE
from tests.micro_api.conftest import make_client

TEXT = PAGE.decode()


def _block(tag: str) -> str:
    (content,) = re.findall(rf"<{tag}[^>]*>(.+?)</{tag}>", TEXT, re.DOTALL)
    return str(content)


def _texts(language: str) -> set[str]:
    """Return the keys of a language's table in the script."""
    (table,) = re.findall(rf'^  "{language}": \{{\n(.*?)^  \}},$', _block("script"), re.DOTALL | re.MULTILINE)
    return set(re.findall(r'(?:^    |", )(\w+):', table, re.MULTILINE))


def test_it_is_one_file() -> None:
    """The page loads nothing: a proxy may send the next request to the other version."""
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*(?!["']?data:,)""", TEXT) == []
    assert "//" not in re.sub(r"(?:^|[\s>])// .*", "", TEXT)
    assert "page.css" not in TEXT
    assert "page.js" not in TEXT


def test_it_allows_its_own_style_and_script_only() -> None:
    """The policy has the hashes of style and script, and allows calls to the page's own host only."""
    response = make_client().get("/")
    assert (response.status_code, response.content_type, response.data) == (200, "text/html; charset=utf-8", PAGE)
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    for directive, tag in (("style-src", "style"), ("script-src", "script")):
        digest = base64.b64encode(hashlib.sha256(_block(tag).encode()).digest()).decode()
        assert policy.pop(directive) == f"'sha256-{digest}'"
    assert policy.pop("connect-src") == "'self'"
    assert policy.pop("img-src") == "data:"
    assert policy.pop("default-src") == "'none'"
    assert set(policy) == {"base-uri", "form-action", "frame-ancestors"}
    assert set(policy.values()) == {"'none'"}


def test_it_is_no_call() -> None:
    """The page is counted under its own route, not under `/test/test`."""
    client = make_client()
    client.get("/")
    counted = [line for line in client.get("/metrics").text.splitlines() if line.startswith("http_requests_total")]
    assert counted == [
        'http_requests_total{method="GET",route="/test/test",status="200",version="v1"} 0.0',
        'http_requests_total{method="GET",route="/",status="200",version="v1"} 1.0',
    ]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_text_is_there_in_each_language(language: str) -> None:
    """Each language has exactly the texts that the page and its script use."""
    asked = set(re.findall(r'data-text="(\w+)"', TEXT)) | set(re.findall(r'text\("(\w+)"', _block("script")))
    chosen = {"start", "stop", "v1", "v2", "error"}  # by what runs, and by the kind of an answer
    assert _texts(language) == asked | chosen


def test_the_script_finds_every_element() -> None:
    """Each element that the script looks up by its id is in the page, once."""
    ids = re.findall(r'\sid="([\w-]+)"', TEXT)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'\bat\("([\w-]+)"\)', _block("script"))) <= set(ids)
