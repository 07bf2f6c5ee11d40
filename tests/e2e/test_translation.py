"""The lab's translation is true: a live istiod makes the same of the same manifests, of ours and of made-up ones."""

import difflib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from scripts.lab.translation import defaults
from scripts.lab.translation.manifests import ManifestError, combine, parse
from scripts.record.cluster import Cluster
from scripts.record.istiod import Istiod, asking
from scripts.record.routes import BASE, istio_version, manifests, record, record_of, services_of
from scripts.record.seen import Document
from tests.e2e.mesh import Mesh
from tests.lab import corpus
from tests.lab.differences import DIFFERENCES, Difference, listed
from tests.lab.refusals import is_same_reason
from tests.lab.states import on_one_port, projected
from tests.support.istio_strategies import destination_rules, odd, virtual_services
from tests.support.repository import text_of

pytestmark = pytest.mark.e2e

EXAMPLES = int(os.environ.get("TRANSLATION_EXAMPLES", "75"))  # of each of four sorts
SEED = os.environ.get("TRANSLATION_SEED")
BATCH = 100  # states that stand side by side on the cluster
GATEWAY, DESTINATION_RULE, VIRTUAL_SERVICE = (yaml.safe_load(text_of(path)) for path in BASE)


@dataclass(frozen=True)
class Judged:
    """A document, and why the cluster and the lab refuse it; None where they take it."""

    document: Document
    istio: str | None
    lab: str | None

    def __str__(self) -> str:
        """Return one line for a failure."""
        return f"istiod: {self.istio}; lab: {self.lab}; {json.dumps(self.document['spec'])}"


@pytest.fixture(scope="module")
def cluster_with_istio(mesh: Mesh) -> Cluster:
    """The cluster that the tests of the mesh use."""
    return Cluster(mesh.cluster.context, mesh.cluster.kubeconfig)


@pytest.fixture(scope="module")
def istiod(cluster_with_istio: Cluster) -> Iterator[Istiod]:
    """Its istiod, asked in namespaces that are removed at the end."""
    with asking(cluster_with_istio) as asked:
        yield asked


@pytest.fixture(scope="module")
def judged(istiod: Istiod) -> list[Judged]:
    """Made-up documents of both kinds, ordinary and odd, and what is said of them."""
    sorts = (virtual_services, odd(virtual_services), destination_rules, odd(destination_rules))
    documents = [document for sort in sorts for document in made_up(sort)]
    return [Judged(document, istiod.refusal(document), refusal_of_lab(document)) for document in documents]


def made_up(sort: st.SearchStrategy[Document]) -> list[Document]:
    """Return as many documents as are asked for, the same ones in each run unless there is a seed."""
    found: list[Document] = []

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], database=None, derandomize=SEED is None)
    @given(sort)
    def collect(document: Document) -> None:
        found.append(document)

    (collect if SEED is None else seed(int(SEED))(collect))()
    return found


def written(document: Document) -> str:
    """Return a document as the text of a manifest."""
    return json.dumps(document, ensure_ascii=False)


def refusal_of_lab(document: Document) -> str | None:
    """Return why the lab refuses a document, None where it takes it."""
    try:
        parse(written(document), "made-up.yaml")
    except ManifestError as error:
        return str(error)
    return None


def deviation(documents: Sequence[Document], found: Mapping[str, Any]) -> str:
    """Return how what the lab makes of a state differs from what istiod does; nothing where it does not."""
    state = combine(one for document in documents for one in parse(written(document), "made-up.yaml"))
    return difference(projected(state, found), on_one_port(found, state))


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return what differs between two JSON objects, line by line; nothing when they are equal."""
    left, right = (json.dumps(one, indent=1, sort_keys=True).splitlines() for one in (expected, found))
    return "\n".join(difflib.unified_diff(left, right, "lab or record", "istiod", lineterm="", n=3))


def is_refused_alike(expected: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Return whether a record and the cluster's result for its manifest are refusals for the same reason."""
    return "refused" in expected and "refused" in found and is_same_reason(expected["refused"], found["refused"])


def test_the_istiod_is_of_the_version_that_is_recorded(cluster_with_istio: Cluster) -> None:
    """The table of defaults, and so every record, is bound to one version of Istio."""
    assert istio_version(cluster_with_istio).startswith(f"{defaults.ISTIO_VERSION}.")


def test_no_record_has_drifted(istiod: Istiod) -> None:
    """Recorded again, each manifest has the record that is committed, or is refused with the same reason."""
    paths = manifests()
    assert paths
    drifted = {}
    for path, found in zip(paths, record(istiod, paths), strict=True):
        committed = json.loads(record_of(path).read_text(encoding="utf-8"))
        expected = {name: value for name, value in committed.items() if name not in ("manifest", "istio_version")}
        drifted[path] = "" if is_refused_alike(expected, found) else difference(expected, found)
    assert not any(drifted.values()), "\n".join(f"{path}\n{lines}" for path, lines in drifted.items() if lines)


def test_what_istio_refuses_the_lab_refuses(judged: list[Judged]) -> None:
    """No document that the API server or Istio's webhook rejects is served in the lab."""
    refused = [one for one in judged if one.istio is not None]
    assert len(refused) > len(judged) / 10
    wrong = [str(one) for one in refused if one.lab is None]
    assert not wrong, "\n".join(wrong)


def test_what_the_lab_refuses_istio_refuses_or_it_is_listed(judged: list[Judged]) -> None:
    """The lab refuses no document that Istio takes, save of the sorts in its README."""
    refused = [one for one in judged if one.lab is not None]
    assert len(refused) > len(judged) / 10
    wrong = [str(one) for one in refused if one.istio is None and not listed(one.lab or "")]
    assert not wrong, "\n".join(wrong)


def test_what_both_take_means_the_same(istiod: Istiod, judged: list[Judged]) -> None:
    """The gateway has for each state what the lab translates it to, that which is served broken among them."""
    taken = [one.document for one in judged if one.istio is None and one.lab is None]
    services = [one for one in taken if one["kind"] == "VirtualService"]
    rules = [one for one in taken if one["kind"] == "DestinationRule"]
    assert min(len(services), len(rules)) > len(judged) / 10
    states = [
        (GATEWAY, rule or DESTINATION_RULE, service or VIRTUAL_SERVICE)
        for service, rule in zip_longest(services, rules)
    ]
    for start in range(0, len(states), BATCH):
        batch = states[start : start + BATCH]
        with_services = [[*state, *services_of(state)] for state in batch]
        for state, found in zip(batch, istiod.projections(with_services), strict=True):
            lines = deviation(state, found)
            assert not lines, f"{json.dumps([one['spec'] for one in state[1:]])}\n{lines}"


def test_what_people_bring_means_the_same(istiod: Istiod) -> None:
    """The gateway has for each document of the corpus that the lab takes what the lab translates it to."""
    brought = [at_the_gateway(number) for number in corpus.NUMBERS]
    taken = [state for state in brought if all(refusal_of_lab(one) is None for one in state)]
    assert len(taken) >= corpus.LEAST_ACCEPTED
    alone = [state for state in taken if has_tls_for_all(state)]
    others = [state for state in taken if state not in alone]
    batches = [*(others[start : start + BATCH] for start in range(0, len(others), BATCH)), *([one] for one in alone)]
    for batch in batches:
        states = [[*documents, *services_of(documents)] for documents in batch]
        for documents, found in zip(batch, istiod.projections(states), strict=True):
            lines = deviation(documents, found)
            assert not lines, f"{json.dumps(documents)}\n{lines}"


def at_the_gateway(number: int) -> list[dict[str, Any]]:
    """Return a document of the corpus whose Gateway, if any, is for the cluster's own gateway."""
    documents: list[dict[str, Any]] = corpus.documents(number)
    for gateway in (one for one in documents if one["kind"] == "Gateway"):
        gateway["spec"]["selector"] = {"istio": "ingressgateway"}
    return documents


def has_tls_for_all(documents: Sequence[Document]) -> bool:
    """Return whether a server with TLS, or a redirect to it, is for every host: a gateway takes one of these."""
    gateways = (one for one in documents if one["kind"] == "Gateway")
    return any("tls" in server and "*" in server["hosts"] for one in gateways for server in one["spec"]["servers"])


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: one.what)
def test_each_listed_difference_is_still_one(istiod: Istiod, difference: Difference) -> None:
    """Istio takes every example of what the lab's README says that only the lab refuses."""
    for document in map(yaml.safe_load, difference.documents()):
        assert istiod.refusal(document) is None, document
