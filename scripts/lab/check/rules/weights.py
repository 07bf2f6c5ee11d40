"""Weights: which shares they lead to, and where these are not what the file seems to say."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.objects import Object
from scripts.lab.check.rules.values import Value

SPLIT_NAME: Final = re.compile(r"(?<![\d.])(\d{1,3})-(\d{1,3})(?![\d.])")
ROUTE_HEADER: Final = "x-canary-route"
_CANARY: Final = re.compile(r"canary|preview|new|next", re.IGNORECASE)


class Share(NamedTuple):
    """One destination of a route.

    Attributes:
        place: its value in the file.
        name: how messages call it.
        target: what makes it the same destination as another one.
        weight: its weight; None where it is missing or no number.
    """

    place: Value
    name: str
    target: tuple[str, ...]
    weight: int | None


def shares_of(route: Value) -> list[Share]:
    """Return the destinations of a route of a VirtualService."""
    return [_share(one) for one in route.list_of("route")]


def percentages(shares: Sequence[Share]) -> str:
    """Return what each destination gets, such as `v1 66.7 %, v2 33.3 %`."""
    return ", ".join(f"{one.name} {part(one, shares)}" for one in shares)


def part(share: Share, shares: Sequence[Share]) -> str:
    """Return the part of a route's requests that a destination gets, such as `33.3 %`."""
    if len(shares) == 1:
        return "100 %"
    total = sum(one.weight or 0 for one in shares)
    return f"{100 * (share.weight or 0) / total:.3g} %" if total else "0 %"


def weights(virtual_service: Object) -> Iterator[Finding]:
    """Yield what is wrong with the weights of a VirtualService, and with names that state them."""
    for route in virtual_service.list_of("http"):
        shares = shares_of(route)
        if any(one.weight is None and one.place.text_of("weight") for one in shares):
            yield from repeated(shares)  # a weight is no number, which another rule finds
            continue
        if len(shares) == 1:
            yield from _only_one(shares[0])
        elif shares:
            yield from _several(route, shares)
        yield from _names(route, shares)


def repeated(shares: Sequence[Share]) -> Iterator[Finding]:
    """Yield the destinations that a route has twice."""
    first: dict[tuple[str, ...], Share] = {}
    for share in shares:
        before = first.setdefault(share.target, share)
        if before is share:
            continue
        problem = f"{share.name} is the same destination as in line {before.place.line}"
        others = {one.target for one in shares} - {share.target}
        effect = f"together they get {_together(share, shares)}" + (
            "" if others else ": no other version gets a request"
        )
        fix = "correct the subset, the host or the port of one of them, or remove it"
        yield finding("destination-twice", share.place, problem, effect=effect, fix=fix)


def _together(share: Share, shares: Sequence[Share]) -> str:
    total = sum(one.weight or 0 for one in shares) or 1
    return f"{100 * sum(one.weight or 0 for one in shares if one.target == share.target) / total:.3g} %"


def _share(value: Value) -> Share:
    destination = value.get("destination") or value
    host, subset = destination.text_of("host"), destination.text_of("subset")
    weight = value.get("weight")
    target = (host, subset, destination.text_of("port", "number"))
    return Share(value, subset or host or "?", target, weight.number if weight else None)


def _only_one(share: Share) -> Iterator[Finding]:
    if share.weight is None or share.weight == 100:
        return
    place = share.place.fields["weight"]
    problem = f"{share.weight}: the weight of the only destination of a route is ignored"
    fix = f"list the other version, too, with weight {100 - share.weight}; or remove the weight"
    if not 0 <= share.weight < 100:
        fix = "remove the weight"
    yield finding("weight-ignored", place, problem, effect=f"{share.name} gets 100 % of the requests", fix=fix)


def _several(route: Value, shares: Sequence[Share]) -> Iterator[Finding]:
    place = route.fields["route"]
    negative = [one for one in shares if one.weight is not None and one.weight < 0]
    for one in negative:
        fix = "write a weight of 0 or more"
        problem = f"{one.weight}: a weight is 0 or more"
        yield finding("weights-none", one.place.fields["weight"], problem, effect="Istio refuses the file", fix=fix)
    total = sum(one.weight or 0 for one in shares)
    if total == 0:
        problem = "no destination has a weight above 0"
        fix = "give each destination a weight, such as 90 and 10"
        yield finding("weights-none", place, problem, effect="Istio refuses the file", fix=fix)
    elif not negative:
        yield from _missing(shares)
        if total != 100:
            problem = (
                f"{' + '.join(str(one.weight or 0) for one in shares)} = {total}: the weights do not add up to 100"
            )
            effect = f"Istio takes the ratio: {percentages(shares)}"
            fix = "write weights that add up to 100, so that each is its percentage"
            yield finding("weights-sum", place, problem, effect=effect, fix=fix)
    yield from repeated(shares)


def _missing(shares: Sequence[Share]) -> Iterator[Finding]:
    for one in shares:
        if one.weight is None:
            problem = f"{one.name} has no weight next to others that have one: it counts as 0"
            fix = "write its weight, 0 if it shall get no request"
            yield finding("weight-missing", one.place, problem, effect=f"{one.name} gets no request", fix=fix)


def _names(route: Value, shares: Sequence[Share]) -> Iterator[Finding]:
    headers = [route.get("headers", "response", way, ROUTE_HEADER) for way in ("set", "add")]
    for place in [route.get("name"), *headers]:
        named = SPLIT_NAME.search(place.text) if place else None
        if place is None or named is None or not shares:
            continue
        stated = (int(named[1]), int(named[2]))
        total = sum(one.weight or 0 for one in shares)
        if sum(stated) != 100 or (total == 0 and len(shares) > 1) or stated in _splits(shares):
            continue
        problem = f"{place.text}: the name states {stated[0]} and {stated[1]}, the weights do not"
        effect = f"served are {percentages(shares)}; who reads the name is misled"
        fix = "correct the name, or the weights"
        yield finding("name-and-weights", place, problem, effect=effect, fix=fix)


def _splits(shares: Sequence[Share]) -> set[tuple[float, float]]:
    """Return the splits that a name can state: first and rest, as written, and with the canary last."""
    if len(shares) == 1:
        return {(100, 0), (0, 100)}
    total = sum(one.weight or 0 for one in shares)
    by_name = sorted(shares, key=lambda one: (bool(_CANARY.search(one.name)), one.name))
    firsts = [100 * (order[0].weight or 0) / total for order in (list(shares), by_name)]
    return {(round(first, 9), round(100 - first, 9)) for first in firsts}
