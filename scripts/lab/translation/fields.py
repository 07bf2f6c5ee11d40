"""YAML values that know their file and path, so that an error can name both.

Nodes are read as written, before YAML converts them to Python values, so that a key given twice, `070` and a quoted
`"70"` are recognised.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import yaml

_TAG_STRING: Final = "tag:yaml.org,2002:str"
_TAG_INTEGER: Final = "tag:yaml.org,2002:int"
_TAG_NULL: Final = "tag:yaml.org,2002:null"
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_SHOWN_CHARACTERS: Final = 60


class Form(NamedTuple):
    """The form of a string: a regular expression for the whole of it, and a description for the error."""

    pattern: str
    meaning: str


_KEY: Final = Form(r"(?s:.+)", "a field's name")


class ManifestError(Exception):
    """A manifest that the lab refuses; the message names file and field, what is wrong, and what is allowed."""


@dataclass(frozen=True)
class Field:
    """One value of a manifest: its YAML node, its file, and its path such as `spec.http[0].route` ("" at the root)."""

    node: yaml.Node
    file: str
    path: str = ""

    def error(self, problem: str) -> ManifestError:
        """Return an error that names this field's file and path, then the problem."""
        return ManifestError(": ".join(part for part in (self.file, self.path, problem) if part))

    def child(self, key: str, node: yaml.Node) -> "Field":
        """Return the field under a key of this one."""
        return Field(node, self.file, f"{self.path}.{_shown(key)}".removeprefix("."))

    def entries(self, key_form: Form = _KEY) -> dict[str, "Field"]:
        """Return the entries of a mapping whose keys have a form, in the order of the file.

        Raises:
            ManifestError: this is not a mapping, it is empty, a key has another form or is given twice.
        """
        if not isinstance(self.node, yaml.MappingNode) or not self.node.value:
            raise self.error("must be a mapping of at least one `key: value`")
        found: dict[str, Field] = {}
        for key_node, node in self.node.value:
            key = Field(key_node, self.file, self.path).text(key_form)
            if key in found:
                raise found[key].error("this field is given twice: keep one")
            found[key] = self.child(key, node)
        return found

    def record(self, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, "Field"]:
        """Return the entries of a mapping with known keys: all the required ones and any of the optional ones.

        Raises:
            ManifestError: a key is unknown, missing, or given twice; or this is not a mapping.
        """
        found = self.entries()
        for name, child in found.items():
            if name not in (*required, *optional):
                known = ", ".join((*required, *optional))
                raise child.error(f"the lab does not support this field, only: {known}")
        for name in required:
            if name not in found:
                raise self.child(name, self.node).error("this field is missing")
        return found

    def items(self) -> list["Field"]:
        """Return the elements of a list that has at least one.

        Raises:
            ManifestError: this is not a list, or it is empty.
        """
        if not isinstance(self.node, yaml.SequenceNode) or not self.node.value:
            raise self.error("must be a list of at least one element")
        return [Field(node, self.file, f"{self.path}[{index}]") for index, node in enumerate(self.node.value)]

    def text(self, form: Form) -> str:
        """Return a string of a form.

        Raises:
            ManifestError: this is not a string of that form; for a number or a boolean the message mentions quotes.
        """
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(f"must be {form.meaning}")
        value = str(self.node.value)
        if self.node.tag != _TAG_STRING:
            raise self.error(f"{_shown(value)}: must be {form.meaning}; put it in quotes if it is one")
        if re.fullmatch(form.pattern, value) is None:
            raise self.error(f"{_shown(value)}: must be {form.meaning}")
        return value

    def one_of(self, allowed: Sequence[str]) -> str:
        """Return a string that is one of those allowed.

        Raises:
            ManifestError: it is another string, or not a string.
        """
        return self.text(Form("|".join(map(re.escape, allowed)), " or ".join(allowed)))

    def whole_number(self, least: int, most: int) -> int:
        """Return a whole number between two bounds, both included.

        Raises:
            ManifestError: this is not a plain decimal integer, or out of bounds.
        """
        allowed = f"must be a whole number from {least} to {most}" if least < most else f"must be {most}"
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(allowed)
        value = str(self.node.value)
        if self.node.style in ("'", '"'):
            raise self.error(f"{value!r}: {allowed}, without quotes")
        is_integer = self.node.tag == _TAG_INTEGER and _DECIMAL.fullmatch(value)
        if not is_integer or not least <= int(value) <= most:
            raise self.error(f"{_shown(value)}: {allowed}")
        return int(value)

    def texts(self, key_form: Form, value_form: Form) -> Mapping[str, str]:
        """Return a mapping of strings to strings, each of a form; raises as `entries` and `text` do."""
        return {key: value.text(value_form) for key, value in self.entries(key_form).items()}


def document(text: str, file: str) -> Field:
    """Return the one YAML document of a text.

    Args:
        text: the content of the file.
        file: its name, for errors.

    Raises:
        ManifestError: the text is not YAML, or does not contain exactly one document.
    """
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ManifestError(f"{file}: line {line}: this is not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        # Hostile escapes and deep nesting make PyYAML raise errors of chr(), int() and the interpreter, not its own.
        reason = str(error).partition("\n")[0]
        raise ManifestError(f"{file}: this is not YAML that the lab can read: {reason}") from error
    documents = [node for node in nodes if node.tag != _TAG_NULL]
    if not documents:
        raise ManifestError(f"{file}: the file is empty: it must hold one resource")
    if len(documents) > 1:
        raise ManifestError(f"{file}: the file holds {len(documents)} documents: put each in its own file")
    return Field(documents[0], file)


def _shown(value: str) -> str:
    """Return a string as written if it is short and printable, else its Python form, cut."""
    return value if value.isprintable() and 0 < len(value) <= _SHOWN_CHARACTERS else repr(value)[:_SHOWN_CHARACTERS]
