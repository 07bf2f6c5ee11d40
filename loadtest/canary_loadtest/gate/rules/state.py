"""What a gate knows of the present release: its counts, and what became of the proof that follows a way back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Self

from canary_loadtest.core.refusal import check_format, reading
from canary_loadtest.core.release import Release

FORMAT: Final = 1


class Proof(StrEnum):
    """How far the proof by traffic is that one version has no requests any more."""

    NONE = "none"
    WANTED = "wanted"
    NO_LEAK = "no leak"
    LEAK = "leak"


@dataclass(frozen=True)
class State:
    """What a gate knows of a release; it is what its ConfigMap keeps.

    Attributes:
        release: which release, as `Plan.release` has it; "" before the first one.
        counts: the counts as the load test has written them, empty before the first ones.
        proof: how far the proof by traffic is.
        proof_weight_percent: which weight of the canary it is about, 0 or 100.
        proof_sentence: what it has shown, "" before its end.
    """

    release: str = ""
    counts: Mapping[str, Any] = field(default_factory=dict)
    proof: Proof = Proof.NONE
    proof_weight_percent: float = 0.0
    proof_sentence: str = ""

    def begun(self, release: str) -> "State":
        """Return the state at a question about a release: another one than the last begins from nothing."""
        return self if release == self.release else State(release)

    def counted(self, counts: Mapping[str, Any]) -> "State":
        """Return the state with counts that the load test handed over.

        Raises:
            ExpectationError: they are none.
        """
        Release.from_dict(counts)
        return replace(self, counts=counts)

    def proving(self, weight_percent: float) -> "State":
        """Return the state once it is to be proved that the canary has 0 or 100 %: the same where it was asked before.

        There is one window for each of the two. To take another one would be to ask until the answer pleases.
        """
        if self.proof is not Proof.NONE and weight_percent == self.proof_weight_percent:
            return self
        return replace(self, proof=Proof.WANTED, proof_weight_percent=weight_percent, proof_sentence="")

    def proved(self, sentence: str, *, leaks: bool) -> "State":
        """Return the state after the window: the first one counts."""
        if self.proof is not Proof.WANTED:
            return self
        return replace(self, proof=Proof.LEAK if leaks else Proof.NO_LEAK, proof_sentence=sentence)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {
            "format": FORMAT,
            "release": self.release,
            "counts": dict(self.counts),
            "proof": self.proof.value,
            "proof_weight_percent": self.proof_weight_percent,
            "proof_sentence": self.proof_sentence,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the state that `to_dict` wrote.

        Raises:
            ExpectationError: it is none, or one of another format.
        """
        with reading("the state of a gate"):
            check_format(data["format"], FORMAT)
            counts = dict(data["counts"])
            if counts:
                Release.from_dict(counts)
            return cls(
                data["release"], counts, Proof(data["proof"]), data["proof_weight_percent"], data["proof_sentence"]
            )
