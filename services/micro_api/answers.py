"""The contract as bytes: what the service answers, encoded once when the module is imported.

`routes` sends these; nothing else in the package knows a body.
"""

import json
from types import MappingProxyType

CONTENT_TYPE = "application/json;charset=UTF-8"

CODE_OK = 0
CODE_HTTP_ERROR = 9997
CODE_BAD_REQUEST = 9998
CODE_SYSTEM_ERROR = 9999

MESSAGE_HTTP_ERROR = "HTTP错误"
MESSAGE_BAD_REQUEST = "参数错误"
MESSAGE_SYSTEM_ERROR = "系统异常"


def encode(**fields: int | str) -> bytes:
    """Encode a body as the contract wants it: UTF-8, no escapes, no spaces, keys in the order given."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _success(data: str) -> bytes:
    return encode(code=CODE_OK, data=data, message="成功")


SUCCESS = MappingProxyType(
    {
        "v1": _success("无依赖测试接口返回->OK!"),
        "v2": _success("V3|无依赖测试接口返回->OK!"),
    }
)
"""The body of `GET /test/test` by version: the new version, v2, gives what the article calls the V3 answer."""


def method_not_allowed_message(method: str) -> str:
    """Say that an address does not take a method, in the original service's words."""
    return f"此接口不支持{method}（仅支持GET）"
