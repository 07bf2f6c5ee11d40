"""Which answer of the contract a response is: the one function to replace when your service answers otherwise.

Pure. Called for every response by `locustfile` and by the readers of piped answers.
"""

from collections.abc import Callable, Mapping
from typing import Final

CANARY: Final = "canary"
STABLE: Final = "stable"

CANARY_BODY: Final = '{"code":0,"data":"V3|无依赖测试接口返回->OK!","message":"成功"}'.encode()
STABLE_BODY: Final = '{"code":0,"data":"无依赖测试接口返回->OK!","message":"成功"}'.encode()
CONTENT_TYPE: Final = "application/json;charset=UTF-8"

LABEL_BY_BODY: Final[Mapping[bytes, str]] = {CANARY_BODY: CANARY, STABLE_BODY: STABLE}

VERSION_HEADER: Final = "x-service-version"  # in which the service names the version that answers
VERSION_BY_LABEL: Final[Mapping[str, str]] = {CANARY: "v2", STABLE: "v1"}

Classifier = Callable[[int, Mapping[str, str], bytes], str]


def classify(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Name the answer that a complete HTTP response is.

    An answer counts only when its status, its content type and its whole body are exactly the contract's: anything
    looser would count an error page, a cached copy or a cut-off body as a vote for a version. Where the answer also
    names its version, that must be the body's: an application of v1 that gives the canary answer is no traffic to v2.

    Args:
        status: the HTTP status code.
        headers: the response headers; looked up in lower case.
        body: the whole body, as sent.

    Returns:
        `CANARY` or `STABLE`, or the kind of anything else: `status_503`, `overloaded_503` (an Envoy that sheds load),
        `unexpected_encoding`, `unexpected_content_type`, `unexpected_body` or `version_mismatch`.
    """
    if status != 200:
        overloaded = status == 503 and headers.get("x-envoy-overloaded") == "true"
        return "overloaded_503" if overloaded else f"status_{status}"
    if headers.get("content-encoding", "identity") != "identity":
        return "unexpected_encoding"
    if headers.get("content-type") != CONTENT_TYPE:
        return "unexpected_content_type"
    label = LABEL_BY_BODY.get(body)
    if label is None:
        return "unexpected_body"
    version = VERSION_BY_LABEL[label]
    return label if headers.get(VERSION_HEADER, version) == version else "version_mismatch"
