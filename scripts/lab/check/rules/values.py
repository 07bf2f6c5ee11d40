"""The values of a YAML document that know their file, line and path, read as leniently as kubectl reads them.

Merge keys and anchors are resolved; a key that is given twice keeps its last value and is remembered.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

Scalar = str | int | float | bool | None

MOST_VALUES: Final = 200_000  # of aliases: those of aliases can stand for more than memory holds
_MERGE: Final = "tag:yaml.org,2002:merge"
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")
_TRUE: Final = frozenset({"true", "yes", "on"})


class TooManyValuesError(Exception):
    """A document whose aliases stand for more values than are read."""


@dataclass(frozen=True)
class Value:
    """One value of a document.

    Attributes:
        content: a mapping, a list, or a scalar.
        file: the name of the file.
        line: its line, from 1; that of its key where it has one.
        path: its path such as `spec.http[0]`; "" for the document.
        is_quoted: it is a scalar in quotes.
        repeated: what the keys of this mapping that are given twice had before: each key with its earlier value.
    """

    content: "dict[str, Value] | list[Value] | Scalar"
    file: str
    line: int
    path: str = ""
    is_quoted: bool = False
    repeated: "tuple[tuple[str, Value], ...]" = field(default=(), compare=False)

    def get(self, *keys: str) -> "Value | None":
        """Return the value under keys, one below the other; None where one is missing, or is no mapping."""
        found: Value | None = self
        for key in keys:
            found = found.fields.get(key) if found else None
        return found

    @property
    def fields(self) -> "dict[str, Value]":
        """The entries of a mapping; none where this is not one."""
        return self.content if isinstance(self.content, dict) else {}

    @property
    def items(self) -> "list[Value]":
        """The elements of a list; none where this is not one."""
        return self.content if isinstance(self.content, list) else []

    def list_of(self, *keys: str) -> "list[Value]":
        """Return the elements of the list under keys; none where there is no list."""
        found = self.get(*keys)
        return found.items if found else []

    def text_of(self, *keys: str) -> str:
        """Return the scalar under keys as text; "" where there is none."""
        found = self.get(*keys)
        return found.text if found else ""

    @property
    def text(self) -> str:
        """A scalar as text; "" for null, a mapping or a list."""
        if isinstance(self.content, dict | list) or self.content is None:
            return ""
        return str(self.content).lower() if isinstance(self.content, bool) else str(self.content)

    @property
    def number(self) -> int | None:
        """A whole number; None for anything else, also for one in quotes."""
        if isinstance(self.content, bool) or not isinstance(self.content, int | float):
            return None
        return int(self.content) if float(self.content).is_integer() else None

    def texts(self) -> dict[str, str]:
        """Return a mapping with its values as text, such as labels."""
        return {key: value.text for key, value in self.fields.items()}

    def walk(self) -> "Iterator[Value]":
        """Yield this value and everything below it."""
        yield self
        for child in [*self.fields.values(), *self.items]:
            yield from child.walk()


class Reader:
    """Makes values of the nodes of one document."""

    def __init__(self, file: str, first_line: int) -> None:
        """Read for a file, in which the document begins at a line, from 1."""
        self.file = file
        self.first_line = first_line
        self.left = MOST_VALUES
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: str = "", line: int | None = None) -> Value:
        """Return the value of a node.

        Args:
            node: what PyYAML composed.
            path: the path of the value.
            line: the line of its key, where it has one.

        Raises:
            TooManyValuesError: the aliases of the document stand for more than `MOST_VALUES`.
        """
        self.left -= id(node) in self._seen
        if self.left < 0:
            raise TooManyValuesError
        self._seen.add(id(node))
        place = line if line is not None else self._line(node)
        if isinstance(node, yaml.SequenceNode):
            items = [self.value(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
            return Value(items, self.file, place, path)
        if isinstance(node, yaml.MappingNode):
            found, repeated = self._entries(node, path)
            return Value(found, self.file, place, path, repeated=tuple(repeated))
        is_quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
        return Value(_scalar(node), self.file, place, path, is_quoted=is_quoted)

    def _entries(self, node: yaml.MappingNode, path: str) -> tuple[dict[str, Value], list[tuple[str, Value]]]:
        merged: dict[str, Value] = {}
        found: dict[str, Value] = {}
        repeated = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for source in reversed([one for one in sources if isinstance(one, yaml.MappingNode)]):
                    merged |= self._entries(source, path)[0]
                continue
            key = key_node.value if isinstance(key_node.value, str) else "?"
            child = self.value(value_node, f"{path}.{key}".removeprefix("."), self._line(key_node))
            if key in found:
                repeated.append((key, found[key]))
            found[key] = child
        return merged | found, repeated

    def _line(self, node: yaml.Node) -> int:
        return int(node.start_mark.line) + self.first_line


def _scalar(node: yaml.Node) -> Scalar:
    text = str(node.value)
    kind = str(node.tag).rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in _TRUE
    if kind == "int" and _INTEGER.fullmatch(text):
        return int(text[:300])
    is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
    is_float = is_plain and _FLOAT.fullmatch(text)  # 9e1 is one to kubectl, and none to PyYAML
    return _other_number(text) if kind in ("int", "float") or is_float else text


def _other_number(text: str) -> Scalar:
    """Return a number in another notation than a decimal integer; the text where Python does not know it."""
    plain = text.replace("_", "").lower()
    if re.fullmatch(r"[-+]?0[0-7]+", plain):  # octal, as in YAML 1.1
        return int(plain, 8)
    if re.fullmatch(r"[-+]?0[xob][0-9a-f]+", plain):
        return int(plain, 0)
    try:
        return float(plain)
    except ValueError:
        return text
