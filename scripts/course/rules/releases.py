"""What a release engine has released, by which answers of its gate, and what the gate keeps of the last release."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from canary_loadtest.core.message import Message
from canary_loadtest.gate.rules.state import Proof


@dataclass(frozen=True)
class Template:
    """A template of the service's pods.

    Attributes:
        name: the engine's word for it, a hash.
        tag: the version, which is the tag of its image.
        has_errors: whether it is told to answer with errors.
    """

    name: str
    tag: str
    has_errors: bool = False

    def __str__(self) -> str:
        """Return it in words, such as `1.3-SNAPSHOT with errors`."""
        return Message("{tag} with errors", tag=self.tag) if self.has_errors else self.tag


@dataclass(frozen=True)
class Run:
    """A row of questions to the gate at one weight, until it was answered.

    Attributes:
        template: the name of the template that it is about.
        revision: which release of that template.
        weight_percent: the canary's weight that it is about.
        phase: how it stands, in the engine's words.
        is_confirmed: whether the gate has answered CONFIRMED; the phase of a run that was cut off says Successful, too.
    """

    template: str
    revision: str
    weight_percent: float
    phase: str
    is_confirmed: bool


@dataclass(frozen=True)
class Kept:
    """What the gate keeps of the last release; all of it is empty where it keeps another one.

    Attributes:
        stopped_percent: the weight at which a finding stopped it, None for no such finding.
        proof: how far the proof is that the canary has no requests any more.
        sentence: what the proof has shown.
    """

    stopped_percent: float | None = None
    proof: Proof = Proof.NONE
    sentence: str = ""


@dataclass(frozen=True)
class Releases:
    """A workload of a release engine, as the API server has it.

    Attributes:
        stable: what the users get.
        latest: what was released last; the same, once it is released.
        revision: which release of it the last one is.
        phase: how that stands, in the engine's words.
        is_aborted: whether it was taken back.
        weight_percent: the canary's weight in the route.
        runs: the questions to the gate.
        kept: what the gate keeps of the last release.
    """

    stable: Template
    latest: Template
    revision: str
    phase: str
    is_aborted: bool = False
    weight_percent: float = 0.0
    runs: Sequence[Run] = ()
    kept: Kept = field(default_factory=Kept)

    def confirmed_at(self, template: Template) -> list[float]:
        """Return the weights at which one release of a template was CONFIRMED, of that which got furthest."""
        own = [run for run in self.runs if run.template == template.name and run.is_confirmed]
        of_revisions = [sorted({one.weight_percent for one in own if one.revision == run.revision}) for run in own]
        return max(of_revisions, key=len, default=[])

    @property
    def ended_as(self) -> set[str]:
        """The phases of the last release's questions."""
        return {run.phase for run in self.runs if (run.template, run.revision) == (self.latest.name, self.revision)}
