"""The contract of micro-api: which version a response is from, and what the two are called in the table.

The only module that knows the article's answers. `V3` is what the article calls the new answer; the version that
gives it is v2. For a service with another contract write a function like `classify` and row names of your own.
"""

from collections.abc import Callable, Mapping
from typing import Final

from canary_loadtest.core.labels import (
    CANARY,
    OVERLOADED_503,
    STABLE,
    UNEXPECTED_BODY,
    UNEXPECTED_CONTENT_TYPE,
    UNEXPECTED_ENCODING,
    VERSION_MISMATCH,
    RowNames,
    status_label,
)
from canary_loadtest.core.message import Message

CANARY_BODY: Final = '{"code":0,"data":"V3|无依赖测试接口返回->OK!","message":"成功"}'.encode()
STABLE_BODY: Final = '{"code":0,"data":"无依赖测试接口返回->OK!","message":"成功"}'.encode()
CONTENT_TYPE: Final = "application/json;charset=UTF-8"
ROW_NAMES: Final = RowNames(canary=Message("V3 (canary, v2)"), stable=Message("plain (stable, v1)"))

LABEL_BY_BODY: Final[Mapping[bytes, str]] = {CANARY_BODY: CANARY, STABLE_BODY: STABLE}

VERSION_HEADER: Final = "x-service-version"  # in which the service names the version that answers
LABEL_BY_VERSION: Final[Mapping[str, str]] = {"v1": STABLE, "v2": CANARY}
VERSION_BY_LABEL: Final[Mapping[str, str]] = {label: version for version, label in LABEL_BY_VERSION.items()}
LOG_MESSAGE: Final = "测试接口被调用！"  # of the service's log line for each call

Classifier = Callable[[int, Mapping[str, str], bytes], str]


def classify(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return the label of a complete HTTP response.

    An answer counts for a version only when its status, its content type and its whole body are exactly the
    contract's: anything looser would count an error page, a cached copy or a truncated body as a vote. If the answer
    also names its version, that must be the body's: an application of v1 that gives the canary's answer is not
    traffic to v2.

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
        return OVERLOADED_503 if overloaded else status_label(status)
    if headers.get("content-encoding", "identity") != "identity":
        return UNEXPECTED_ENCODING
    if headers.get("content-type") != CONTENT_TYPE:
        return UNEXPECTED_CONTENT_TYPE
    label = LABEL_BY_BODY.get(body)
    if label is None:
        return UNEXPECTED_BODY
    version = VERSION_BY_LABEL[label]
    return label if headers.get(VERSION_HEADER, version) == version else VERSION_MISMATCH
