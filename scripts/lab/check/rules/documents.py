"""From the bytes of a file to its documents, with a finding for each part that cannot be read."""

import codecs
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import yaml

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.values import MOST_VALUES, Reader, TooManyValuesError, Value

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BRACES: Final = re.compile(r"\{\{-?.*?-?\}\}")
_HELM: Final = re.compile(r"\{\{-?\s*(?:[.$]|include|if|else|end|range|with|template|define|toYaml|tpl|/\*).*")
_START: Final = re.compile(r"^---(?=\s|$)")
_END: Final = re.compile(r"^\.\.\.\s*$")
# Where YAML wants a space, and a page that the text was copied from has something that looks like one.
_ODD: Final = "\u00a0\u2002\u2003\u2009\u200b\u202f\u3000"
_ODD_SPACE: Final = re.compile(rf"(?m)^ *[{_ODD}](?! *#)|^[^#\n]*[:-] *[{_ODD}]")
_NOTHING: Final = re.compile(r"(?m)^[ \t]*(#.*|%.*|---.*|\.\.\.[ \t]*)?$")
# Objects of other groups, such as rules of Prometheus, can have such braces as text.
_CHECKED: Final = ("networking.istio.io/", "gateway.networking.k8s.io/", "apps/", "v1")
_FIRST: Final = 200  # bytes by which a file is known
_NOT_CHECKED: Final = "nothing of it was checked"
_OTHER_VERSION: Final = re.compile(r"(?m)^%YAML[ \t]+(?!1\.1[ \t]*$).*")
# What a Chinese keyboard or a word processor writes for the signs of YAML.
_WIDE_SIGNS: Final = {"：": ":", "，": ",", "－": "-", "“": '"', "”": '"', "‘": "'", "’": "'"}


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
    version = _OTHER_VERSION.search(text)
    if version:
        findings.append(_other_version(source.file, text, version))
    for first_line, part in _parts(text):
        found = _document(source.file, first_line, part)
        if isinstance(found, Finding):
            findings.append(_template(source.file, first_line, part, _BRACES) or found)
            continue
        template = _template(source.file, first_line, part, _HELM)
        if template and found and found.text_of("apiVersion").startswith(_CHECKED):
            findings.append(template)
        elif found is not None:
            objects += _objects(found)
            findings += _no_list(found)
    if not objects and not findings:
        findings.append(_empty(source.file))
    return objects, findings


def _template(file: str, first_line: int, text: str, sign: re.Pattern[str]) -> Finding | None:
    """Return the finding that a document is a template, by its first line that is one; comments do not count."""
    for number, line in enumerate(text.splitlines(), first_line):
        found = sign.search("" if line.lstrip().startswith("#") else line.partition(" #")[0])
        if found:
            problem = f"{found[0].strip()[:60]}: this is a template, of Helm or another program, not a manifest"
            effect = f"kubectl refuses it or takes the braces as text, and {_NOT_CHECKED}"
            fix = "write what it makes to a file, such as `helm template NAME CHART > made.yaml`, and check that"
            return finding("template", Value(None, file, number), problem, effect=effect, fix=fix)
    return None


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
    """Return the text of a file, None for one that is no text, and what its encoding means."""
    data = source.data
    if data.startswith(_UTF_16):
        effect = "kubectl reads it, but not every program does: istioctl refuses some of these, the lab all"
        found = _encoding(source, 1, "it is UTF-16, as PowerShell's `>` writes", effect)
        return data.decode("utf-16", errors="replace"), [found]
    if b"\0" in data[:_FIRST]:
        return _with_zeros(source)
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    for name, title in (("gbk", "GBK"), ("gb18030", "GB18030"), ("cp1252", "Windows-1252")):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        effect = "istioctl refuses it; kubectl writes U+FFFD in place of each character that it cannot read"
        return text, [_encoding(source, line, f"it looks like {title}", effect)]
    return None, [_no_text(source)]


def _with_zeros(source: Source) -> tuple[str | None, list[Finding]]:
    """Return the text of a file that has zeros in its beginning: UTF-16 without a mark, or no text."""
    even, odd = (source.data[start:_FIRST:2].count(0) for start in (0, 1))
    if min(even, odd) or max(even, odd) < len(source.data[:_FIRST]) / 8:
        return None, [_no_text(source)]
    found = _encoding(source, 1, "it looks like UTF-16", "kubectl and istioctl refuse it")
    return source.data.decode("utf-16-be" if even else "utf-16-le", errors="replace"), [found]


def _encoding(source: Source, line: int, guess: str, effect: str) -> Finding:
    problem = f"this file is not UTF-8: {guess}"
    return finding("encoding", Value(None, source.file, line), problem, effect=effect, fix="save it as UTF-8")


def _no_text(source: Source) -> Finding:
    problem = "this file is no text, or of an unknown encoding"
    effect = f"kubectl and istioctl refuse it, and {_NOT_CHECKED}"
    fix = "name a manifest; if this is one, save it as UTF-8"
    return finding("encoding", Value(None, source.file, 1), problem, effect=effect, fix=fix)


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
        number = mark.line if mark else 0
        near = text.splitlines()[max(0, number - 1) : number + 1]
        return _not_yaml(Value(None, file, first_line + number), error.problem or "", near)
    except TooManyValuesError:
        return _not_yaml(Value(None, file, first_line), f"its aliases stand for more than {MOST_VALUES} values", [])
    except RecursionError:
        return _not_yaml(Value(None, file, first_line), "it is nested too deeply, or an alias is within itself", [])
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # Hostile escapes make PyYAML raise errors of chr() and int(), not its own.
        return _not_yaml(Value(None, file, first_line), str(error).partition("\n")[0], [])


def _not_yaml(place: Value, reason: str, lines: list[str]) -> Finding:
    """Return the finding that a document is not YAML; `lines` are the one before the place and its own."""
    fix = "correct the line, or the one above it: often a colon, a quote or the indentation"
    problem = f"this is not YAML: {reason}"
    wide = next((sign for line in lines for sign in line.partition("#")[0] if sign in _WIDE_SIGNS), "")
    if lines and "\t" in lines[-1]:
        problem = "this is not YAML: the line has a tab"
        fix = "put spaces instead of the tab"
    elif wide:
        fix = f"here or in the line above write `{_WIDE_SIGNS[wide]}` in place of `{wide}`"
    return finding("not-yaml", place, problem, effect=_refused(), fix=fix)


def _other_version(file: str, text: str, found: re.Match[str]) -> Finding:
    place = Value(None, file, text.count("\n", 0, found.start()) + 1)
    problem = f"{found[0].strip()[:60]}: kubectl and istioctl read version 1.1 alone"
    return finding("not-yaml", place, problem, effect="they cannot read the file", fix="remove the line")


def _objects(document: Value) -> list[Value]:
    """Return the objects of a document: the items of a list, or the document itself."""
    return document.list_of("items") if document.text_of("kind").endswith("List") else [document]


def _no_list(document: Value) -> Iterator[Finding]:
    """Yield a finding for the items of a `kind: List` that are none."""
    items = document.get("items")
    if document.text_of("kind").endswith("List") and items and items.content and not items.items:
        problem = f"{items.text[:60] or 'a mapping'} is of the wrong type"
        fix = "it must be a list: put `- ` in front of each element"
        yield finding("wrong-type", items, problem, effect="kubectl refuses the file", fix=fix)
