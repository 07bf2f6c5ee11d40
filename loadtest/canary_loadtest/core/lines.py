"""What a line of a log has, without what the log's collector has put around it."""

import codecs
import json
import re
from typing import Any, Final

from canary_loadtest.core.message import Message

COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*m")
DOCKER_FILE: Final = b'{"log":'  # what every line of Docker's json-file driver begins with
# kubectl logs --prefix, or docker compose logs; then what a container runtime writes before each line (CRI).
COLLECTOR: Final = re.compile(rb"(?:\[pod/[^\]]*\] |[\w.-]+ +\| )?(?:\S+ std(?:out|err) [FP] )?")
COLUMN: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\[[^\]]{0,200}\]\S*|\S+)')
ENVOY_CLUSTER: Final = re.compile(r"(?:in|out)bound\|\d*\|([^|]*)\|")


def unwrapped(line: bytes) -> bytes:
    """Return a line without colours, and as it was written if it comes from a file of Docker's json-file driver."""
    if b"\x1b" in line:
        line = COLOURS.sub(b"", line)
    if not line.startswith(DOCKER_FILE):
        return line
    outer = _parsed(line)
    inner = outer.get("log") if outer is not None and "stream" in outer else None
    return inner.encode(errors="replace") if isinstance(inner, str) else line


def json_object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a line ends with, None for a line without.

    Text before it is what a collector puts there: `kubectl logs --prefix` and `--timestamps`, `docker compose logs`,
    stern, or the runtime's own files (CRI).
    """
    inner = unwrapped(line)
    start = inner.find(b"{")
    return None if start < 0 else _parsed(inner[start:])


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def member(record: dict[str, Any], path: str) -> Any:  # noqa: ANN401 - of any JSON type
    """Return the member of an object, at a path of names joined by dots; None where there is none."""
    if path in record:
        return record[path]
    name, _, rest = path.partition(".")
    inner = record.get(name)
    return member(inner, rest) if rest and isinstance(inner, dict) else None


def columns(line: bytes) -> list[tuple[str, bool]]:
    """Return the columns of a line of text, and of each whether it is quoted.

    White space parts them, but not within quotes or brackets, as in the access logs of nginx and Envoy. What
    `kubectl logs --prefix`, `docker compose logs` or a container runtime (CRI) puts before the line is not one.
    """
    inner = unwrapped(line)
    begin = COLLECTOR.match(inner)
    found = COLUMN.finditer(inner, begin.end() if begin else 0)
    return [
        ((match[1] if match[1] is not None else match[2]).decode(errors="replace"), match[1] is not None)
        for match in found
    ]


def subset_of(value: str) -> str:
    """Return the subset in the name of an Envoy cluster such as `outbound|80|v2|host`, "" for any other text."""
    match = ENVOY_CLUSTER.match(value)
    return match[1] if match else ""


def encoding_advice(head: bytes) -> str:
    """Return what to do about the beginning of a file that is not text in UTF-8, "" where nothing is wrong.

    Args:
        head: its first bytes; a character may be cut at their end.
    """
    if head.startswith(b"\x1f\x8b"):
        return Message("is compressed (gzip): unpack it first")
    if b"\0" in head[:64]:
        return Message("is not UTF-8 (it looks like UTF-16): save it as UTF-8")
    if _decoded(head, "utf-8") is not None:
        return ""
    chinese = _decoded(head, "gb18030")
    looks = Message(" (it looks like GBK)") if chinese and re.search("[\u4e00-\u9fff]", chinese) else ""
    return Message("is not UTF-8{looks}: save it as UTF-8", looks=looks)


def _decoded(head: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
