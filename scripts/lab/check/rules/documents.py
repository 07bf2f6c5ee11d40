"""From the bytes of a file to its documents, with a finding for each part that cannot be read."""

import codecs
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import yaml

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.values import MOST_VALUES, Reader, TooManyValuesError, Value

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TEMPLATE: Final = re.compile(r"\{\{-?.*?-?\}\}")
_START: Final = re.compile(r"^---(?=\s|$)")
_END: Final = re.compile(r"^\.\.\.\s*$")
# Where YAML wants a space, and a page that the text was copied from has something that looks like one.
_ODD: Final = "\u00a0\u2002\u2003\u2009\u200b\u202f\u3000"
_ODD_SPACE: Final = re.compile(rf"(?m)^ *[{_ODD}](?! *#)|^[^#\n]*[:-] *[{_ODD}]")
_NOTHING: Final = re.compile(r"(?m)^[ \t]*(#.*|%.*|---.*|\.\.\.[ \t]*)?$")
# Objects of other groups, such as rules of Prometheus, can have such braces as text.
_CHECKED: Final = ("networking.istio.io/", "gateway.networking.k8s.io/", "apps/", "v1")
_NOT_CHECKED: Final = "nothing of it was checked"


class Source(NamedTuple):
    """A file: its name, and the bytes in it."""

    file: str
    data: bytes


def read(source: Source) -> tuple[list[Value], list[Finding]]:
    """Return the objects of a file, those of a `kind: List` one by one, and what cannot be read of it."""
    text, findings = _decoded(source)
    if text is None:
        return [], findings
    objects: list[Value] = []
    odd = _ODD_SPACE.search(text)
    if odd:
        findings.append(_odd_space(source.file, text, odd.end()))
        text = re.sub(f"[{_ODD}]", " ", text)
    for first_line, part in _parts(text):
        found = _document(source.file, first_line, part)
        template = _TEMPLATE.search(part)
        if template and (isinstance(found, Finding) or (found and found.text_of("apiVersion").startswith(_CHECKED))):
            line = first_line + part.count("\n", 0, template.start())
            findings.append(_template(Value(None, source.file, line), template[0]))
        elif isinstance(found, Finding):
            findings.append(found)
        elif found is not None:
            objects += _objects(found)
    if not objects and not findings:
        findings.append(_empty(source.file))
    return objects, findings


def _template(place: Value, text: str) -> Finding:
    problem = f"{text[:60]}: this is a template, of Helm or another program, not a manifest"
    fix = "write what it makes to a file, such as `helm template NAME CHART > made.yaml`, and check that"
    return finding("template", place, problem, effect=_refused(), fix=fix)


def _odd_space(file: str, text: str, position: int) -> Finding:
    place = Value(None, file, text.count("\n", 0, position) + 1)
    lines = sum(1 for line in text.splitlines() if re.search(f"[{_ODD}]", line))
    character = text[position - 1]
    problem = f"U+{ord(character):04X} is in the place of a space, in {lines} {'line' if lines == 1 else 'lines'}"
    fix = "replace each by a space; text copied from a page often has them"
    effect = "it looks like a space, and YAML does not take it for one: kubectl refuses the file"
    return finding("odd-space", place, problem, effect=effect, fix=fix)


def _refused() -> str:
    return f"kubectl cannot read it, and {_NOT_CHECKED}"


def _empty(file: str) -> Finding:
    place = Value(None, file, 1)
    return finding("empty", place, "the file has no object", effect="it changes nothing", fix="remove it")


def _decoded(source: Source) -> tuple[str | None, list[Finding]]:
    data = source.data
    if data.startswith(_UTF_16):
        return data.decode("utf-16", errors="replace"), [
            _encoding(source, 1, "it is UTF-16, as PowerShell's `>` writes")
        ]
    if b"\0" in data[:200]:
        name = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
        return data.decode(name, errors="replace"), [_encoding(source, 1, "it looks like UTF-16")]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    for name, title in (("gbk", "GBK"), ("gb18030", "GB18030"), ("cp1252", "Windows-1252")):
        try:
            return data.decode(name), [_encoding(source, line, f"it looks like {title}")]
        except UnicodeDecodeError:
            continue
    return None, [_encoding(source, line, "its encoding is unknown, or it is no text")]


def _encoding(source: Source, line: int, guess: str) -> Finding:
    problem = f"this file is not UTF-8: {guess}"
    fix = "save it as UTF-8"
    place = Value(None, source.file, line)
    return finding("encoding", place, problem, effect="kubectl and istioctl refuse it", fix=fix)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the documents of a text, each with its first line, so that one that is broken hides no other."""
    lines: list[str] = []
    first = 1
    for number, line in enumerate(text.splitlines(), 1):
        if _START.match(line):
            yield first, "\n".join(lines)
            lines, first = [], number
        if _END.match(line):
            yield first, "\n".join(lines)
            lines, first = [], number + 1
        else:
            lines.append(line)
    yield first, "\n".join(lines)


def _document(file: str, first_line: int, text: str) -> Value | Finding | None:
    """Return a document's value; None for an empty one, a finding for one that is not YAML."""
    if not _NOTHING.sub("", text).strip():
        return None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if node is None else Reader(file, first_line).value(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        return _not_yaml(Value(None, file, line), error.problem or "", text.splitlines()[line - first_line :][:1])
    except TooManyValuesError:
        return _not_yaml(Value(None, file, first_line), f"its aliases stand for more than {MOST_VALUES} values", [])
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        # Hostile escapes and deep nesting make PyYAML raise errors of chr(), int() and the interpreter, not its own.
        return _not_yaml(Value(None, file, first_line), str(error).partition("\n")[0], [])


def _not_yaml(place: Value, reason: str, lines: list[str]) -> Finding:
    fix = "correct the line, or the one above it: often a colon, a quote or the indentation"
    problem = f"this is not YAML: {reason}"
    if lines and "\t" in lines[0]:
        problem = "this is not YAML: the line has a tab"
        fix = "put spaces instead of the tab"
    return finding("not-yaml", place, problem, effect=_refused(), fix=fix)


def _objects(document: Value) -> list[Value]:
    """Return the objects of a document: the items of a list, or the document itself."""
    return document.list_of("items") if document.text_of("kind").endswith("List") else [document]
