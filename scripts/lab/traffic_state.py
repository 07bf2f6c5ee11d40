"""The traffic state of a lab: the applied manifests, each read and parsed once, with their text.

The text is kept because the file may be edited after it was applied.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from scripts.lab.errors import UsageError
from scripts.lab.translation import manifests
from scripts.lab.translation.manifests import Manifests, Resource


@dataclass(frozen=True)
class TrafficState:
    """One resource of each kind, and where it comes from.

    Attributes:
        manifests: the parsed resources.
        texts: the text of each resource, by its kind such as `VirtualService`.
    """

    manifests: Manifests
    texts: Mapping[str, str]

    @classmethod
    def load(cls, files: Iterable[str]) -> Self:
        """Return the state that some files make together.

        Args:
            files: manifest files: a Gateway, a VirtualService and a DestinationRule, in any order.

        Raises:
            UsageError: a file cannot be read.
            ManifestError: a file is refused, or a kind is missing or there twice.
        """
        return cls._of(map(_read, files))

    def with_files(self, files: Iterable[str]) -> Self:
        """Return the state with the resource of each file in place of the one of its kind; raises as `load`."""
        new = [_read(file) for file in files]
        kinds = {type(resource) for resource, _ in new}
        kept = [resource for resource in self.manifests.resources() if type(resource) not in kinds]
        return self._of([*((resource, self.texts[kind_of(resource)]) for resource in kept), *new])

    @property
    def files(self) -> dict[str, str]:
        """Names of the files by kind."""
        return {kind_of(resource): resource.file for resource in self.manifests.resources()}

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {kind: {"file": file, "text": self.texts[kind]} for kind, file in self.files.items()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the state that `to_dict` made JSON of."""
        return cls._of((manifests.parse(one["text"], one["file"]), one["text"]) for one in fields.values())

    @classmethod
    def _of(cls, parsed: Iterable[tuple[Resource, str]]) -> Self:
        pairs = list(parsed)
        combined = manifests.combine(resource for resource, _ in pairs)
        return cls(combined, {kind_of(resource): text for resource, text in pairs})


def kind_of(resource: Resource) -> str:
    """Return the kind of a resource, as its manifest names it."""
    return type(resource).__name__


def _read(file: str) -> tuple[Resource, str]:
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file}: cannot be read: {error}; name a file such as istio/virtual-service-70-30.yaml"
        ) from error
    return manifests.parse(text, file), text
