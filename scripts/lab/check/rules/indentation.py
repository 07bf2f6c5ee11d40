"""Objects whose indentation is lost, as in text copied from a page: what was meant, so that the other rules can go on.

A key without a value, such as `spec:`, followed by fields at the same margin, is how such text looks. Each field
belongs to the deepest key without a value in front of it that knows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from scripts.lab.check.rules.fields import Known, misspelt, nearest, whole
from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.values import Value

Path = tuple[str, ...]


@dataclass
class _Margin:
    """The fields at the left margin, as far as they are read.

    Attributes:
        known: the known fields of the object.
        open_keys: the paths of the keys without a value that can still get fields.
        root: the fields that belong to the object itself.
        moved: the fields that belong to a key without a value, by its path.
    """

    known: dict[str, Known]
    open_keys: list[Path] = field(default_factory=list)
    root: dict[str, Value] = field(default_factory=dict)
    moved: dict[Path, dict[str, Value]] = field(default_factory=dict)

    def take(self, key: str, child: Value) -> None:
        """Put the next field where it belongs."""
        parent = self._parent(key, child)
        if parent is None or (key in self.known and key not in self.root):
            parent = ()
            self.root.setdefault(key, child)
        else:
            self.moved.setdefault(parent, {})[key] = child
        self.open_keys = [one for one in self.open_keys if one == parent[: len(one)]]
        if child.content is None:
            self.open_keys.append((*parent, key))

    def _parent(self, key: str, child: Value) -> Path | None:
        for path in reversed(self.open_keys):
            fields: Known = self.known
            for step in path:
                fields = fields.get(step) if isinstance(fields, dict) else None
            is_label = fields == {"*": "string"} and isinstance(child.content, str)
            if isinstance(fields, dict) and (key in fields or is_label):
                return path
        return None


def indented(value: Value, spec: Known) -> tuple[Value, list[Finding]]:
    """Put the fields of an object whose indentation is lost where they belong.

    Args:
        value: the object.
        spec: the known fields of its `spec`.

    Returns:
        The object as it was meant, and a finding for each key that has lost its fields or is misspelt; where no key has
        lost any, the object as it is, and no finding.
    """
    known = whole(spec)
    margin = _Margin(known)
    wrong = []
    for key, child in _in_order(value):
        meant = key if key in known or " " not in key else nearest(key, known) or key
        if meant != key:
            wrong.append(misspelt(key, child, value, known))
        margin.take(meant, child)
    if not margin.moved:
        return value, []
    fields = {key: _filled(child, (key,), margin.moved) for key, child in margin.root.items()}
    whole_value = replace(value, content=fields, repeated=())
    return whole_value, [*wrong, *(_lost(value, path, list(lost.values())) for path, lost in margin.moved.items())]


def _in_order(value: Value) -> list[tuple[str, Value]]:
    """Return the entries of a mapping as written, those that are given twice among them."""
    return sorted([*value.fields.items(), *value.repeated], key=lambda entry: entry[1].line)


def _filled(value: Value, path: Path, moved: dict[Path, dict[str, Value]]) -> Value:
    """Return a value with the fields that belong to it, each with its new path."""
    if path not in moved:
        return _at(value, ".".join(path))
    fields = {key: _filled(child, (*path, key), moved) for key, child in moved[path].items()}
    return replace(value, content=fields, path=".".join(path))


def _at(value: Value, path: str) -> Value:
    """Return a value and what is below it under another path."""
    content = value.content
    if isinstance(content, dict):
        content = {key: _at(child, f"{path}.{key}") for key, child in content.items()}
    elif isinstance(content, list):
        content = [_at(child, f"{path}[{index}]") for index, child in enumerate(content)]
    return replace(value, content=content, path=path)


def _lost(value: Value, path: Path, children: Sequence[Value]) -> Finding:
    names = ", ".join(f"`{child.path.rpartition('.')[2]}` (line {child.line})" for child in children)
    parent = ".".join(path)
    plural = "they belong" if len(children) > 1 else "it belongs"
    place = replace(children[0], path=parent)
    problem = f"the indentation is lost: {names}: {plural} below `{path[-1]}`, which is empty"
    effect = (
        f"kubectl refuses the file: `{children[0].path.rpartition('.')[2]}` is no field of {value.path or 'the object'}"
    )
    fix = f"indent by two spaces more than `{path[-1]}`"
    return finding("indentation", place, problem, effect=effect, fix=fix)
