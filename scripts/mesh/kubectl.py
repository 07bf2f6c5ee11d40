"""kubectl, as a script was told to call it: with the context and namespace that a typed command needs."""

import json
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

NAMESPACE = "--namespace="


@dataclass(frozen=True)
class Kubectl:
    """A way to call kubectl.

    Attributes:
        words: the program and its first options, such as `kubectl --namespace=canary-mesh`.
    """

    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return it from the words as a shell has them."""
        return cls(tuple(shlex.split(text)))

    def anywhere(self) -> "Kubectl":
        """Return it without a namespace, for a file that names its own."""
        return Kubectl(tuple(word for word in self.words if not word.startswith(NAMESPACE)))

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Return a whole command."""
        return (*self.words, *arguments)

    def show(self, *arguments: str) -> None:
        """Print a command as one would type it."""
        print(f"\n$ {shlex.join(self.command(*arguments))}", flush=True)

    def run(self, *arguments: str) -> None:
        """Show a command, and run it; raises subprocess.CalledProcessError where it fails."""
        self.show(*arguments)
        subprocess.run(self.command(*arguments), check=True)  # noqa: S603 - kubectl, without a shell

    def output(self, *arguments: str) -> str:
        """Return what a command prints; raises subprocess.CalledProcessError where it fails."""
        command = self.command(*arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - kubectl, as above
        return done.stdout.strip()

    def found(self, name: str) -> Mapping[str, Any] | None:
        """Return an object as JSON, None where there is none, or where the cluster does not know its kind."""
        try:
            text = self.output("get", name, "--ignore-not-found", "--output=json")
        except subprocess.CalledProcessError:
            return None
        return dict(json.loads(text)) if text else None
