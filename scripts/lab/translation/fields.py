"""YAML values that know their file and path, so that an error can name both.

Nodes are read as written, before YAML converts them to Python values, so that a key given twice, `070` and a quoted
`"70"` are recognised.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import yaml

_TAG_STRING: Final = "tag:yaml.org,2002:str"
_TAG_INTEGER: Final = "tag:yaml.org,2002:int"
_TAG_BOOLEAN: Final = "tag:yaml.org,2002:bool"
_TAG_FLOAT: Final = "tag:yaml.org,2002:float"
_TAG_MERGE: Final = "tag:yaml.org,2002:merge"
_TAG_NULL: Final = "tag:yaml.org,2002:null"
_FRACTION: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{0,18})?")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_SHOWN_CHARACTERS: Final = 60
_TEMPLATE: Final = re.compile(r"\{\{-?\s*(?:[.$]|include|if|else|end|range|with|template|define|toYaml|tpl|-?\s*/\*)")


_OTHER_VERSION: Final = re.compile(r"(?m)^%YAML[ \t]+(?!1\.1[ \t]*$).*")


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
        merged: dict[str, Field] = {}
        for key_node, node in self.node.value:
            if key_node.tag == _TAG_MERGE:
                merged = self._merged(node, key_form) | merged
                continue
            key = Field(key_node, self.file, self.path).text(key_form)
            if key in found:
                raise found[key].error("this field is given twice: keep one")
            found[key] = self.child(key, node)
        return {**merged, **found}

    def _merged(self, node: yaml.Node, key_form: Form) -> dict[str, "Field"]:
        """Return what a merge key `<<` brings: the entries of a mapping, or of several, the first of which prevail."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Field] = {}
        for one in nodes:
            found = Field(one, self.file, self.path).entries(key_form) | found
        return found

    def record(
        self,
        required: Sequence[str],
        optional: Sequence[str] = (),
        refused: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, "Field"]:
        """Return the entries of a mapping with known keys: all the required ones and any of the optional ones.

        Args:
            required: keys that must be there.
            optional: keys that may be there.
            refused: keys that Istio knows and the lab does not serve, with the reason.

        Raises:
            ManifestError: a key is unknown, refused, missing, or given twice; or this is not a mapping.
        """
        found = self.entries()
        for name, child in found.items():
            if name in refused:
                raise child.error(f"the lab does not serve this field: {refused[name]}")
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

    def number(self, least: float, most: float) -> float:
        """Return a number between two bounds, both included.

        Raises:
            ManifestError: this is not a plain decimal number, or out of bounds.
        """
        allowed = f"must be a number from {least:g} to {most:g}"
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(allowed)
        value = str(self.node.value)
        is_number = self.node.tag in (_TAG_INTEGER, _TAG_FLOAT) and _FRACTION.fullmatch(value)
        if not is_number or not least <= float(value) <= most:
            raise self.error(f"{_shown(value)}: {allowed}")
        return float(value)

    def truth(self) -> bool:
        """Return true or false; raises ManifestError if this is neither."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _TAG_BOOLEAN:
            raise self.error("must be true or false")
        return str(self.node.value).lower() in ("true", "yes", "on", "y")

    @property
    def is_text(self) -> bool:
        """Whether this is a string."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _TAG_STRING

    @property
    def is_empty(self) -> bool:
        """Whether this is an empty mapping, an empty list, or null."""
        return not self.node.value or self.node.tag == _TAG_NULL

    @property
    def is_empty_mapping(self) -> bool:
        """Whether this is `{}`."""
        return isinstance(self.node, yaml.MappingNode) and not self.node.value

    @property
    def line(self) -> int:
        """The line of the file that this begins on."""
        return int(self.node.start_mark.line) + 1

    def texts(self, key_form: Form, value_form: Form) -> Mapping[str, str]:
        """Return a mapping of strings to strings, each of a form; raises as `entries` and `text` do."""
        return {key: value.text(value_form) for key, value in self.entries(key_form).items()}


def documents(text: str, file: str) -> list[Field]:
    """Return the YAML documents of a text, without those that are empty.

    Args:
        text: the content of the file.
        file: its name, for errors.

    Raises:
        ManifestError: the text is not YAML, or contains no document.
    """
    _refuse_template(text, file)
    version = _OTHER_VERSION.search(text)
    if version:
        raise ManifestError(f"{file}: {_shown(version[0].strip())}: kubectl reads version 1.1 alone: remove the line")
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ManifestError(f"{file}: line {line}: this is not YAML: {error.problem}") from error
    except RecursionError as error:
        raise ManifestError(f"{file}: this is not YAML that the lab can read: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # Hostile escapes make PyYAML raise errors of chr() and int(), not its own.
        reason = str(error).partition("\n")[0]
        raise ManifestError(f"{file}: this is not YAML that the lab can read: {reason}") from error
    found = [node for node in nodes if node.tag != _TAG_NULL]
    if not found:
        raise ManifestError(f"{file}: the file is empty: it must hold a resource")
    return [Field(node, file) for node in found]


def _refuse_template(text: str, file: str) -> None:
    """Refuse a template of Helm's, which is no manifest yet, by the first line that is one."""
    for number, line in enumerate(text.splitlines(), 1):
        code = line.partition(" #")[0]
        found = None if code.lstrip().startswith("#") else _TEMPLATE.search(code)
        if found:
            shown = _shown(code[found.start() :].strip())
            raise ManifestError(
                f"{file}: line {number}: {shown}: this is a template of Helm's: write its manifests with "
                "`helm template CHART > FILE`, and name that file"
            )


def _shown(value: str) -> str:
    """Return a string as written if it is short and printable, else its Python form, cut."""
    if not value:
        return "(empty)"
    return value if value.isprintable() and len(value) <= _SHOWN_CHARACTERS else repr(value)[:_SHOWN_CHARACTERS]
