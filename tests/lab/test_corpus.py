"""What people bring: made-up canaries, as frequent as public ones, are accepted, or refused for a listed reason."""

from collections.abc import Iterator
from typing import Final

import pytest

from scripts.lab.translation import analysis, translate
from scripts.lab.translation.assumptions import Assumptions, assume
from scripts.lab.translation.manifests import ManifestError, Manifests, combine, parse
from tests.lab import corpus
from tests.lab.differences import listed
from tests.lab.states import V1, V2, resource

ASSUMED: Final = Assumptions(subsets=True, gateway=True)


def read(number: int) -> Manifests:
    """Return a document's traffic state, with the lab's gateway where the document has none."""
    given = parse(corpus.text(number), f"{number}.yaml")
    has_gateway = any(document["kind"] == "Gateway" for document in corpus.documents(number))
    return combine(given if has_gateway else (*given, resource("istio/gateway.yaml")))


def accepted() -> Iterator[tuple[int, Manifests]]:
    """Yield the documents that the lab accepts."""
    for number in corpus.NUMBERS:
        try:
            yield number, read(number)
        except ManifestError:
            continue


def test_most_of_them_are_accepted() -> None:
    """Routes and clusters are made of at least as many as are asked for."""
    made = [
        number
        for number, state in accepted()
        if translate.route_configuration(state) and translate.clusters(state, [V1, V2])
    ]
    assert len(made) >= corpus.LEAST_ACCEPTED


def test_each_refusal_is_listed() -> None:
    """What is refused is among the differences to Istio that the lab's README lists, and the message names a field."""
    taken = {number for number, _ in accepted()}
    for number in set(corpus.NUMBERS) - taken:
        with pytest.raises(ManifestError) as caught:
            read(number)
        assert listed(str(caught.value))
        assert ".yaml: " in str(caught.value)


def test_with_what_they_lack_assumed_each_leads_to_both_versions() -> None:
    """With the subsets and the gateway assumed no accepted document has a destination that gets 503 or 404."""
    for number, state in accepted():
        found = analysis.warnings(assume(state, ASSUMED), [V1, V2])
        broken = [one for one in found if one.endswith((" gets 503", " get 404")) or "404 to" in one]
        assert broken == [], number


def test_each_is_a_function_of_its_number() -> None:
    """The same number gives the same document, and the fields are as frequent as the table says."""
    assert [corpus.text(number) for number in corpus.NUMBERS] == [corpus.text(number) for number in corpus.NUMBERS]
    for field, count in corpus.FIELDS.items():
        assert sum(corpus.has(number, field) for number in corpus.NUMBERS) == count, field
