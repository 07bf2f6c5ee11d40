"""Made-up VirtualServices and DestinationRules of the fields that the lab knows, ordinary and odd ones.

tests/e2e/test_translation.py gives them to a live istiod and to the lab. They are plain JSON, written for the namespace
`default`. Hosts that are not short names contain `.default`, so that each state can be put into a namespace of its own
without meeting the others.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

Document = dict[str, Any]

SERVICE_HOSTS: Final = ("micro-api", "micro-api", "micro-api.default.svc.cluster.local", "micro-apis")
OTHER_HOSTS: Final = ("micro-api.default", "micro-api.default.svc", "canary.default.example.org", "a.default.test")
SUBSETS: Final = ("v1", "v2", "v3")
PORTS: Final = (19090, 19090, 19090, 8080, 1, 65535)
WEIGHTS: Final = (None, 0, 1, 30, 70, 100, 2**31 - 1)
LIMITS: Final = (0, 1, 10, 2**31 - 1)
BALANCERS: Final = ("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM")
# What takes the place of any value of a document: of wrong types, out of bounds, or nearly right.
ODD_OBJECTS: Final[tuple[Any, ...]] = (None, True, [], {}, ["a"], ["a", "a"], {"a": "b"}, {"exact": ""})
ODD_NUMBERS: Final = (-1, 0, 1, 70.5, 65536, 2**31, 2**32)
ODD_NAMES: Final = ("", " ", "a b", "*", "*.default.test", "Micro-Api", "micro_api", "v1.0", "-v1", ".", "x" * 64)
ODD_TEXTS: Final = ("70", "true", "100%", "%%", "%START_TIME%", "é", "UNSPECIFIED", "PASSTHROUGH", "LEAST_CONN")
ODD_VALUES: Final = (*ODD_OBJECTS, *ODD_NUMBERS, *ODD_NAMES, *ODD_TEXTS)

_VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="%"), min_size=1, max_size=8)
_HEADERS = st.dictionaries(
    st.one_of(
        st.sampled_from(("x-canary-route", "cookie", "host", "content-length", "connection", "x-envoy-max-retries")),
        st.from_regex(r"[a-z0-9]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True),
    ),
    _VALUES,
    min_size=1,
    max_size=3,
)
_NAMES = st.sampled_from(("micro-gateway", "micro-gateway", "mesh", "other-gateway"))
_MATCH = _HEADERS.map(lambda headers: {"headers": {name: {"exact": value} for name, value in headers.items()}})
_TARGET = st.fixed_dictionaries(
    {"host": st.sampled_from(SERVICE_HOSTS), "port": st.sampled_from(PORTS).map(lambda port: {"number": port})},
    optional={"subset": st.sampled_from(SUBSETS)},
)


def _destination(target: Document, weight: int | None) -> Document:
    return {"destination": target} if weight is None else {"destination": target, "weight": weight}


_ROUTE = st.fixed_dictionaries(
    {"route": st.lists(st.builds(_destination, _TARGET, st.sampled_from(WEIGHTS)), min_size=1, max_size=3)},
    optional={
        "match": st.lists(_MATCH, min_size=1, max_size=2),
        "headers": _HEADERS.map(lambda headers: {"response": {"set": headers}}),
    },
)
_SUBSET = st.fixed_dictionaries(
    {
        "name": st.sampled_from(SUBSETS),
        "labels": st.dictionaries(
            st.sampled_from(("version", "app", "example.org/track")), st.sampled_from(("v1", "v2", "1.0_a")), min_size=1
        ),
    },
)
_LIMIT = st.sampled_from(LIMITS)
_POLICY = st.fixed_dictionaries(
    {},
    optional={
        "loadBalancer": st.sampled_from(BALANCERS).map(lambda name: {"simple": name}),
        "connectionPool": st.fixed_dictionaries(
            {},
            optional={
                "tcp": _LIMIT.map(lambda limit: {"maxConnections": limit}),
                "http": st.fixed_dictionaries(
                    {}, optional={"http1MaxPendingRequests": _LIMIT, "maxRequestsPerConnection": _LIMIT}
                ).filter(bool),
            },
        ).filter(bool),
    },
).filter(bool)


def _resource(kind: str, name: str, spec: Document) -> Document:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


virtual_services = st.fixed_dictionaries(
    {
        "hosts": st.lists(st.sampled_from(SERVICE_HOSTS + OTHER_HOSTS), min_size=1, max_size=3, unique=True),
        "gateways": st.lists(_NAMES, min_size=1, max_size=2, unique=True),
        "http": st.lists(_ROUTE, min_size=1, max_size=3),
    },
).map(lambda spec: _resource("VirtualService", "micro-api-route", spec))

destination_rules = st.fixed_dictionaries(
    {"host": st.sampled_from(SERVICE_HOSTS)},
    optional={"trafficPolicy": _POLICY, "subsets": st.lists(_SUBSET, min_size=1, max_size=3)},
).map(lambda spec: _resource("DestinationRule", "micro-api-destination", spec))


@st.composite
def odd(draw: st.DrawFn, documents: st.SearchStrategy[Document]) -> Document:
    """Return a document with one value of its spec left out, or replaced by an odd one."""
    document = deepcopy(draw(documents))
    container, key = draw(st.sampled_from(list(_places(document["spec"]))))
    if draw(st.integers(0, 9)) < 9:
        container[key] = draw(st.sampled_from(ODD_VALUES))
    else:
        del container[key]
    return document


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - any JSON
    """Yield every place of a JSON value: its container and its key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(pairs):
        yield value, key
        yield from _places(child)
