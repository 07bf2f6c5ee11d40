"""The traffic state of a lab: the applied manifests, each file read and parsed once, with its text.

The text is kept because the file may be edited after it was applied.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from scripts.lab.errors import UsageError
from scripts.lab.translation import manifests
from scripts.lab.translation.assumptions import NOTHING_ASSUMED, Assumptions, assume
from scripts.lab.translation.canary import canary_name
from scripts.lab.translation.manifests import Manifests, Resource, kind_of
from scripts.lab.translation.names import DEFAULT_NAMESPACE, full_host_name
from scripts.lab.translation.services import SERVICE_NAME, services

SUFFIXES: Final = (".yaml", ".yml", ".json")
_MARKS_OF_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_FIRST: Final = 200  # bytes by which a file is known
_KINDS: Final = ("Gateway", "VirtualService", "DestinationRule", "Service")


@dataclass(frozen=True)
class Source:
    """What is used of one file: its resources, all or those of some kinds."""

    file: str
    text: str
    resources: tuple[Resource, ...]

    def without(self, kinds: set[str]) -> "Source":
        """Return it without the resources of some kinds."""
        return replace(self, resources=tuple(one for one in self.resources if kind_of(one) not in kinds))


@dataclass(frozen=True)
class TrafficState:
    """The resources that are applied together, and where they come from.

    Attributes:
        manifests: the parsed resources, with what is assumed of the cluster.
        sources: the files.
        assumed: what is assumed of the cluster.
    """

    manifests: Manifests
    sources: tuple[Source, ...]
    assumed: Assumptions = NOTHING_ASSUMED

    @classmethod
    def load(cls, files: Iterable[str], assumed: Assumptions = NOTHING_ASSUMED, otherwise: Iterable[str] = ()) -> Self:
        """Return the state that some files make together.

        Args:
            files: manifest files and folders of these, in any order.
            assumed: what is assumed of the cluster.
            otherwise: files for the kinds that are not there; a DestinationRule among them is for micro-api, and is
                used where a route leads to that.

        Raises:
            UsageError: a file cannot be read.
            ManifestError: a file is refused, no VirtualService is there, or one resource is there twice.
        """
        given = read(files)
        combined = manifests.combine(one for source in given for one in source.resources)
        kinds = set(map(kind_of, combined.resources()))
        if full_host_name(SERVICE_NAME, DEFAULT_NAMESPACE) not in services(combined):
            kinds.add("DestinationRule")
        others = [source.without(kinds) for source in read(otherwise)]
        return cls._of([*given, *(source for source in others if source.resources)], assumed)

    def with_files(self, files: Iterable[str], assumed: Assumptions = NOTHING_ASSUMED) -> Self:
        """Return the state with the resources of some files in place of all of their kinds; raises as `load`."""
        new = read(files)
        kinds = {kind_of(one) for source in new for one in source.resources}
        kept = [source.without(kinds) for source in self.sources]
        both = replace(
            self.assumed,
            subsets=self.assumed.subsets or assumed.subsets,
            gateway=self.assumed.gateway or assumed.gateway,
            canary=assumed.canary or self.assumed.canary,
        )
        return self._of([*(source for source in kept if source.resources), *new], both)

    @property
    def files(self) -> dict[str, str]:
        """Names of the files by kind, with commas between where a kind is in several."""
        found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
        for source in self.sources:
            for one in source.resources:
                found.setdefault(kind_of(one), []).append(source.file)
        return {kind: ", ".join(dict.fromkeys(files)) for kind, files in found.items() if files}

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON."""
        sources = [
            {
                "file": source.file,
                "text": source.text,
                "kinds": list(dict.fromkeys(kind_of(one) for one in source.resources)),
            }
            for source in self.sources
        ]
        return {"sources": sources, "assumed": asdict(self.assumed)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the state that `to_dict` made JSON of."""
        sources = []
        for one in fields["sources"]:
            # In a folder a file may hold nothing that the lab uses.
            whole = Source(one["file"], one["text"], manifests.parse(one["text"], one["file"], any_kind=True))
            sources.append(whole.without({kind_of(resource) for resource in whole.resources} - set(one["kinds"])))
        return cls._of(sources, Assumptions(**fields["assumed"]))

    @classmethod
    def _of(cls, sources: Sequence[Source], assumed: Assumptions) -> Self:
        combined = manifests.combine(one for source in sources for one in source.resources)
        known = replace(assumed, canary=_canary(assume(combined, assumed)))
        return cls(assume(combined, known), tuple(sources), known)


def _canary(combined: Manifests) -> str | None:
    """Return the canary's name, which stays the canary's while the files that are applied name it."""
    if combined.canary:
        try:
            return canary_name(combined)
        except manifests.ManifestError:
            if any(combined.canary in name for name in _subsets(combined)):
                raise
            combined = replace(combined, canary=None)
    return canary_name(combined)


def _subsets(combined: Manifests) -> Iterator[str]:
    for service in combined.virtual_services:
        for route in service.http:
            yield from (one.subset or one.host for one in route.destinations)


def read(files: Iterable[str]) -> list[Source]:
    """Return what some files and folders hold, each file once.

    Raises:
        UsageError: a file cannot be read.
        ManifestError: a file is refused.
    """
    found: dict[str, Source] = {}
    for file in files:
        path = Path(file)
        if path.is_dir():
            inside = [one for one in sorted(path.rglob("*")) if one.suffix in SUFFIXES and one.is_file()]
            if not inside:
                raise UsageError(f"{file}: no manifest is in this folder: name one with files such as rule.yaml")
            for one in inside:
                text = _text(str(one))
                resources = manifests.parse(text, str(one), any_kind=True)
                found[str(one)] = Source(str(one), text, resources)
        else:
            text = _text(file)
            found[file] = Source(file, text, manifests.parse(text, file))
    return list(found.values())


def _text(file: str) -> str:
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file}: cannot be read: {error}; name a file such as istio/virtual-service-70-30.yaml"
        ) from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: cannot be read: {_encoding(content)}") from error
    if "\0" in text[:_FIRST]:
        raise UsageError(f"{file}: cannot be read: {_encoding(content)}")
    return text


def _encoding(content: bytes) -> str:
    """Return what a file that is not UTF-8 looks like, and the way out."""
    even, odd = (content[start:_FIRST:2].count(0) for start in (0, 1))
    is_alternating = min(even, odd) == 0 and max(even, odd) >= len(content[:_FIRST]) / 8
    if content.startswith(_MARKS_OF_UTF16) or (is_alternating and max(even, odd)):
        return "it is UTF-16: save it as UTF-8 (PowerShell: `... | Out-File -Encoding utf8 FILE` in place of `>`)"
    if max(even, odd):
        return "it is no text: name a file with YAML"
    try:
        content.decode("gbk")
    except UnicodeDecodeError:
        return "it is not UTF-8: save it as UTF-8, or name another file if it is no text"
    way_out = "such as with `iconv -f GBK -t UTF-8 FILE > NEW-FILE`"
    return f"it is not UTF-8 (it looks like GBK): save it as UTF-8, {way_out}"
