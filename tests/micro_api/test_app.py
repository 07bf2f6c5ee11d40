"""The endpoints: the answer to each method and path, from the application in this process."""

import json
from pathlib import Path

import pytest
from flask import abort
from flask.testing import FlaskClient

from micro_api import answers
from micro_api.answers import CONTENT_TYPE, SUCCESS
from tests.micro_api.conftest import LogLines, make_client

PATHS = ("/", "/test/test", "/healthz", "/readyz", "/metrics", "/openapi.json")


@pytest.fixture
def client() -> FlaskClient:
    """Return a client of v1."""
    return make_client()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_call_is_answered_by_the_contract(version: str) -> None:
    """`GET /test/test` gives the version's body with the contract's status and content type."""
    response = make_client(SERVICE_VERSION=version).get("/test/test")
    assert (response.status_code, response.content_type, response.data) == (200, CONTENT_TYPE, SUCCESS[version])


@pytest.mark.parametrize("error_ratio", ["0", "1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/test/test", "/healthz", "/readyz", "/openapi.json", "/unknown"])
def test_no_json_is_cached_or_taken_for_another_type(path: str, method: str, error_ratio: str) -> None:
    """A cache in between would hold a split at its first answer; errors are JSON, too."""
    response = make_client(SERVICE_ERROR_RATIO=error_ratio).open(path, method=method)
    assert response.content_type == CONTENT_TYPE
    assert response.headers.getlist("Cache-Control") == ["no-store"]
    assert response.headers.getlist("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize("path", ["/", "/test/test", "/healthz", "/readyz", "/openapi.json", "/unknown"])
def test_head_is_get_without_the_body(client: FlaskClient, path: str) -> None:
    """HEAD has the status and the headers of GET, the length included, and no body."""
    headers = {"x-request-id": "same"}
    get, head = client.get(path, headers=headers), client.head(path, headers=headers)
    assert (head.status_code, head.headers, head.data) == (get.status_code, get.headers, b"")


@pytest.mark.parametrize("path", PATHS)
def test_options_names_the_methods(client: FlaskClient, path: str) -> None:
    """OPTIONS is answered with 204 and the methods that the path allows, without a content type."""
    response = client.options(path)
    assert (response.status_code, response.data) == (204, b"")
    assert not {"Content-Type", "Content-Length"} & {*response.headers.keys()}
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ["/test", "/test/test/", "/test//test", "/static/x", "/测试"])
def test_unknown_path(client: FlaskClient, path: str) -> None:
    """An unknown path is 404 in the contract's form, without a redirect to a similar one."""
    response = client.get(path)
    assert (response.status_code, response.content_type) == (404, CONTENT_TYPE)
    assert response.data == '{"code":9997,"message":"HTTP错误"}'.encode()


def test_slashes_in_front_count_as_one(client: FlaskClient) -> None:
    """`//test/test` is `/test/test`, as Werkzeug reads it; other double slashes are part of the path."""
    # The client would take two slashes for the beginning of a host.
    assert client.get("/", environ_overrides={"PATH_INFO": "//test/test"}).data == SUCCESS["v1"]
    assert client.get("/test//test").status_code == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_wrong_method(client: FlaskClient, path: str, method: str) -> None:
    """A wrong method is 405 with the methods allowed, and the contract's message names the method."""
    response = client.open(path, method=method)
    assert (response.status_code, response.content_type) == (405, CONTENT_TYPE)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert response.data == f'{{"code":9998,"message":"此接口不支持{method}（仅支持GET）"}}'.encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"code":9998,"message":"参数错误"}'),
        (418, '{"code":9997,"message":"HTTP错误"}'),
        (503, '{"code":9999,"message":"系统异常"}'),
    ],
)
def test_refusal_by_a_view(client: FlaskClient, status: int, body: str) -> None:
    """A status that a view aborts with is kept, and gets the contract's form."""
    client.application.add_url_rule("/refuse", view_func=lambda: abort(status))
    response = client.get("/refuse")
    assert (response.status_code, response.content_type, response.data) == (status, CONTENT_TYPE, body.encode())


def _fail() -> str:
    message = "secret 秘密"
    raise RuntimeError(message)


def test_exception_in_a_view(client: FlaskClient, log_lines: LogLines) -> None:
    """An exception is a generic 500 in the contract's form; the one log line has the traceback."""
    client.application.add_url_rule("/fail", view_func=_fail)
    response = client.get("/fail")
    assert (response.status_code, response.content_type) == (500, CONTENT_TYPE)
    assert response.data == '{"code":9999,"message":"系统异常"}'.encode()
    (line,) = log_lines()
    assert (line["level"], line["message"], line["status"]) == ("error", "系统异常", 500)
    assert line["exception"].endswith("RuntimeError: secret 秘密\n")


def test_probes_say_yes(client: FlaskClient) -> None:
    """A healthy service is alive and ready."""
    assert client.get("/healthz").json == {"code": 0, "message": "alive"}
    assert client.get("/readyz").json == {"code": 0, "message": "ready"}


def test_readiness_is_not_liveness(tmp_path: Path) -> None:
    """Without its metrics folder the service is not ready, with the reason, but alive: a restart would not fix it."""
    directory = tmp_path / "metrics"
    client = make_client(WEB_CONCURRENCY="2", PROMETHEUS_MULTIPROC_DIR=str(directory))
    response = client.get("/readyz")
    assert (response.status_code, response.content_type) == (503, CONTENT_TYPE)
    assert f"PROMETHEUS_MULTIPROC_DIR={directory} is missing" in response.get_json()["message"]
    assert client.get("/healthz").status_code == 200
    directory.mkdir()
    assert client.get("/readyz").status_code == 200


def test_openapi_document_is_true_to_the_routes(client: FlaskClient) -> None:
    """The document has exactly the routes, the two answers and every error code."""
    response = client.get("/openapi.json")
    assert (response.status_code, response.content_type) == (200, CONTENT_TYPE)
    document = json.loads(response.data)
    rules = [*client.application.url_map.iter_rules()]
    assert sorted(document["paths"]) == sorted(rule.rule for rule in rules)
    assert {frozenset(operations) for operations in document["paths"].values()} == {frozenset({"get"})}
    assert {frozenset(rule.methods or ()) for rule in rules} == {frozenset({"GET", "HEAD", "OPTIONS"})}
    schemas = document["components"]["schemas"]
    assert schemas["Success"]["properties"]["data"]["enum"] == [json.loads(SUCCESS[v])["data"] for v in ("v1", "v2")]
    codes = [answers.CODE_HTTP_ERROR, answers.CODE_BAD_REQUEST, answers.CODE_SYSTEM_ERROR]
    assert schemas["Error"]["properties"]["code"]["enum"] == codes


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", [*PATHS, "/unknown"])
def test_versions_differ_in_nothing_else(method: str, path: str) -> None:
    """Except for the version's name and the V3 mark, v1 and v2 answer every request with the same bytes."""

    def answer(version: str) -> tuple[int, list[tuple[str, str]], bytes]:
        response = make_client(SERVICE_VERSION=version).open(path, method=method, headers={"x-request-id": "same"})
        return response.status_code, [*response.headers], response.data

    (status, headers, body), (status_v2, headers_v2, body_v2) = answer("v1"), answer("v2")
    assert status_v2 == status
    assert ("x-service-version", "v1") in headers
    assert ("x-service-version", "v2") in headers_v2
    as_v1 = {"v2": "v1", str(len(SUCCESS["v2"])): str(len(SUCCESS["v1"]))}
    assert [(name, as_v1.get(value, value)) for name, value in headers_v2] == headers
    assert body in {body_v2, body_v2.replace(b"V3|", b"").replace(b'"v2"', b'"v1"')}
