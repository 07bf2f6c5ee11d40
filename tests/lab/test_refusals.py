"""Refusals are compared by who refuses and which fields are named, and not by an API server's words."""

import pytest

from tests.lab.refusals import is_same_reason

OLD = (
    '[spec.http[0].route[0].weight: Invalid value: "number": spec.http[0].route[0].weight in body must be of type '
    'integer: "number", spec.http[0].route[1].weight: Invalid value: "number": spec.http[0].route[1].weight in body '
    'must be of type integer: "number", <nil>: Invalid value: null: some validation rules were not checked]'
)
NEW = (
    '[spec.http[0].route[0].weight: Invalid value: "float64": spec.http[0].route[0].weight in body must be of type '
    'int32: "float64", <nil>: Invalid value: "": Checked value must be of type integer with format int32 in '
    'spec.http[0].route[0].weight, spec.http[0].route[1].weight: Invalid value: "float64": ...]'
)
DECODER = "error decoding configuration: json: cannot unmarshal number 2147483648 into Go value of type int32"
TOO_MANY_BITS = '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in {}'
ISTIO = "configuration is invalid: weight -1 < 0"


@pytest.mark.parametrize(
    ("recorded", "found"),
    [(OLD, NEW), (DECODER, TOO_MANY_BITS.format("spec.http[0].route[0].weight")), (ISTIO, ISTIO)],
)
def test_versions_of_kubernetes_say_it_in_words_of_their_own(recorded: str, found: str) -> None:
    """The same fields are named, or one of both names none."""
    assert is_same_reason(recorded, found)
    assert is_same_reason(found, recorded)


@pytest.mark.parametrize(
    ("recorded", "found"),
    [
        (NEW, TOO_MANY_BITS.format("spec.http[0].route[0].weight")),
        (OLD, OLD.replace("route[1].weight", "route[1].headers")),
        (ISTIO, "configuration is invalid: weight -2 < 0"),
        (ISTIO, NEW),
        (ISTIO, DECODER),
    ],
)
def test_another_reason(recorded: str, found: str) -> None:
    """Another field, or another sentence of Istio's, is another reason."""
    assert not is_same_reason(recorded, found)
    assert not is_same_reason(found, recorded)
