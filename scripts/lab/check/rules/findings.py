"""One finding of `lab check`."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from scripts.lab.check.rules.values import Value

Level = Literal["error", "warning", "note"]
LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "note")
RULES: Final[dict[str, Level]] = {
    "delegate": "note",
    "destination-twice": "warning",
    "empty": "warning",
    "encoding": "error",
    "gateway-not-given": "note",
    "gateway-only": "note",
    "gateway-port-name": "error",
    "gateway-tls": "error",
    "gateway-unknown": "error",
    "given-twice": "error",
    "host-not-in-gateway": "error",
    "host-wildcard": "error",
    "https-redirect": "note",
    "indentation": "error",
    "kustomization": "warning",
    "low-limit": "warning",
    "mesh-only": "note",
    "name-and-weights": "warning",
    "never-reached": "warning",
    "missing-field": "error",
    "no-kind": "error",
    "no-name": "error",
    "no-route-for-the-rest": "error",
    "not-checked": "note",
    "not-yaml": "error",
    "odd-space": "error",
    "port-missing": "error",
    "port-protocol": "error",
    "port-protocol-guessed": "note",
    "refused-value": "error",
    "regex": "warning",
    "regex-refused": "error",
    "rule-not-given": "note",
    "same-host-at-gateway": "warning",
    "same-host-in-mesh": "error",
    "same-object": "warning",
    "same-rule-host": "warning",
    "selector": "error",
    "subset-labels-same": "warning",
    "subset-labels-swapped": "warning",
    "subset-missing": "warning",
    "subset-twice": "error",
    "subset-undefined": "error",
    "subset-without-labels": "warning",
    "subset-without-pods": "error",
    "target-port": "warning",
    "target-port-unknown": "error",
    "template": "error",
    "unknown-field": "error",
    "unknown-host": "error",
    "unknown-kind": "error",
    "unknown-port": "error",
    "weight-ignored": "error",
    "weight-missing": "warning",
    "weights-none": "error",
    "weights-sum": "warning",
    "wrong-type": "error",
    "wrong-version": "error",
}


class Finding(NamedTuple):
    """What is wrong at one place.

    Attributes:
        level: `error`: Kubernetes or Istio refuses the file, or requests get an error or a share that the file does not
            say; `warning`: served as written, but probably not as meant; `note`: good to know, or not checked.
        rule: the short name of the rule that found it, as in the lab's README.
        file: the name of the file.
        line: the line in the file, from 1.
        field: the path of the field, such as `spec.http[0].route`; "" for the whole document or file.
        problem: what is wrong, with the value.
        effect: what follows from it.
        fix: what to write or do.
    """

    level: Level
    rule: str
    file: str
    line: int
    field: str
    problem: str
    effect: str
    fix: str


def finding(rule: str, place: Value, problem: str, *, effect: str, fix: str) -> Finding:
    """Return a finding about a value; the arguments are the attributes of `Finding`."""
    return Finding(RULES[rule], rule, place.file, place.line, *map(_printable, (place.path, problem, effect, fix)))


def _printable(text: str) -> str:
    """Return a text with escapes in place of what a terminal would obey or hide."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without repetitions, by file in the order of their first one, then by line."""
    unique = list(dict.fromkeys(findings))
    files = {name: number for number, name in enumerate(dict.fromkeys(found.file for found in unique))}
    return sorted(unique, key=lambda found: (files[found.file], found.line, LEVELS.index(found.level)))
