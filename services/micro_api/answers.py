"""The bodies of the contract, encoded once. Pure; no other module knows a body."""

import json
from types import MappingProxyType
from typing import Final

CONTENT_TYPE: Final = "application/json;charset=UTF-8"

CODE_OK: Final = 0
CODE_HTTP_ERROR: Final = 9997
CODE_BAD_REQUEST: Final = 9998
CODE_SYSTEM_ERROR: Final = 9999

MESSAGE_HTTP_ERROR: Final = "HTTP错误"
MESSAGE_BAD_REQUEST: Final = "参数错误"
MESSAGE_SYSTEM_ERROR: Final = "系统异常"


def encode(**fields: int | str) -> bytes:
    """Encode a body as the contract requires: UTF-8, no escapes, no spaces, keys in the order given."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _success(data: str) -> bytes:
    return encode(code=CODE_OK, data=data, message="成功")


SUCCESS: Final = MappingProxyType(
    {
        "v1": _success("无依赖测试接口返回->OK!"),
        "v2": _success("V3|无依赖测试接口返回->OK!"),
    }
)
"""The body of `GET /test/test` by version; the article calls the answer of its new version, v2, "V3"."""


def method_not_allowed_message(method: str) -> str:
    """Return the message for a method that a path does not allow, in the words of the original service."""
    return f"此接口不支持{method}（仅支持GET）"
