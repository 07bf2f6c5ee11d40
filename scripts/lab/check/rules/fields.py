"""Which fields an object may have, and of which types: unknown, misspelt, misplaced and repeated ones are found."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.values import Value

Known = Any  # the fields of a kind: see scripts/record/check_fields.py
METADATA: Final[dict[str, Known]] = {
    **dict.fromkeys(("name", "namespace", "generateName", "creationTimestamp", "uid", "resourceVersion"), "any"),
    **dict.fromkeys(("generation", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"), "any"),
    **dict.fromkeys(("managedFields", "ownerReferences", "finalizers"), "any"),
    "labels": {"*": "string"},
    "annotations": {"*": "string"},
}
_TYPES: Final = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
_REFUSED: Final = "kubectl refuses the file"
_MATCHERS: Final = frozenset({"exact", "prefix", "regex"})


def whole(spec: Known) -> dict[str, Known]:
    """Return the known fields of an object whose `spec` has the given ones."""
    return {"apiVersion": "string", "kind": "string", "metadata": METADATA, "spec": spec, "status": "any"}


def unknown(value: Value, known: Known) -> Iterator[Finding]:
    """Yield what a value has that Kubernetes would refuse: unknown fields, wrong types, keys given twice.

    Args:
        value: the object or a part of it.
        known: its known fields.
    """
    for key, first in value.repeated:
        second = value.fields[key]
        problem = f"`{key}` is given twice, first in line {first.line}"
        fix = "keep one; in a list, put `-` in front of each element"
        effect = f"istioctl and kubectl refuse the file, or keep the second `{key}` only"
        yield finding("given-twice", second, problem, effect=effect, fix=fix)
    if known == "any" or value.content is None:
        return
    if isinstance(known, str):
        yield from _wrong_scalar(value, known)
    elif isinstance(known, list):
        yield from _items(value, known[0])
    elif not isinstance(value.content, dict):
        yield _wrong(value, _mapping_instead(value, known))
    else:
        for key, child in value.fields.items():
            if key not in known and "*" not in known:
                yield misspelt(key, child, value, known)
            else:
                yield from unknown(child, known.get(key, known.get("*")))


def nearest(key: str, known: Mapping[str, Known], likeness: float = 0.75) -> str | None:
    """Return the known name that a misspelt one most likely stands for, None if there is none.

    Args:
        key: the misspelt one.
        known: the known ones.
        likeness: how alike they must be, as difflib measures it, from 0 to 1.
    """
    plain = {name.lower(): name for name in known if name != "*"}
    found = get_close_matches(key.replace(" ", "").replace("_", "").lower(), plain, 1, likeness)
    return plain[found[0]] if found else None


def misspelt(key: str, child: Value, parent: Value, known: Mapping[str, Known]) -> Finding:
    """Return the finding that a field is unknown where it is, with the one that was most likely meant.

    Args:
        key: the field.
        child: its value.
        parent: what has it.
        known: the fields that this may have.
    """
    near = nearest(key, known)
    inside = next((name for name, part in known.items() if isinstance(part, dict) and key in part), None)
    element = next(
        (n for n, p in known.items() if isinstance(p, list) and isinstance(p[0], dict) and key in p[0]), None
    )
    names = ", ".join(name for name in known if name != "status")
    fix = f"known here: {names}"
    if near:
        fix = f"did you mean `{near}`?"
    elif inside:
        fix = f"`{key}` is a field of `{inside}`: indent it below"
    elif element:
        fix = f"`{key}` is a field of the elements of `{element}`: put it there"
    problem = f"`{key}` is no field of {parent.path or 'the object'}"
    return finding("unknown-field", child, problem, effect=_REFUSED, fix=fix)


def _items(value: Value, known: Known) -> Iterator[Finding]:
    if not isinstance(value.content, list):
        yield _wrong(value, "a list: put `- ` in front of each element")
        return
    for item in value.items:
        yield from unknown(item, known)


def _wrong_scalar(value: Value, known: str) -> Iterator[Finding]:
    content = value.content
    if isinstance(content, dict | list):
        yield _wrong(value, _TYPES.get(known, known.replace("|", ", ")))
    elif known == "integer":
        if value.number is None:
            hint = ", without quotes" if value.is_quoted else ", without a unit or a fraction"
            yield _wrong(value, f"a whole number{hint}")
    elif known == "boolean" and not isinstance(content, bool):
        yield _wrong(value, "true or false, without quotes")
    elif known == "string" and not isinstance(content, str):
        yield _wrong(value, f'text: write "{value.text}", in quotes')
    elif "|" in known and value.text not in known.split("|"):
        near = get_close_matches(value.text.upper(), known.split("|"), 1)
        yield _wrong(value, f"`{near[0]}`" if near else f"one of {', '.join(known.split('|'))}")


def _mapping_instead(value: Value, known: Mapping[str, Known]) -> str:
    if known.keys() >= _MATCHERS and not isinstance(value.content, list):
        return f'a mapping: write `exact: "{value.text}"` below it'
    if "*" in known:
        return "a mapping of `key: value`"
    return f"a mapping with fields such as {', '.join(list(known)[:4])}"


def _wrong(value: Value, meant: str) -> Finding:
    shown = "a list" if isinstance(value.content, list) else "a mapping"
    if not isinstance(value.content, dict | list):
        shown = f'"{value.text}"' if value.is_quoted else value.text[:60]
    problem = f"{shown} is of the wrong type"
    return finding("wrong-type", value, problem, effect=_REFUSED, fix=f"it must be {meant}")
