"""Matches: which routes no request can reach, which requests no route takes, and conditions that seldom hold."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from scripts.lab.check.rules.findings import Finding, finding
from scripts.lab.check.rules.objects import Object, World, host_of, is_same_host
from scripts.lab.check.rules.values import Value

# What a client chooses with a request, other than where it goes: who lacks it needs another route.
_CHOSEN: Final = frozenset({"headers", "withoutHeaders", "queryParams", "method", "sourceLabels", "sourceNamespace"})
_WITHOUT_EFFECT: Final = frozenset({"name", "statPrefix", "ignoreUriCase"})
_MAPS: Final = frozenset({"headers", "withoutHeaders", "queryParams", "sourceLabels"})
_SPECIAL: Final = re.compile(r"[\\^$.|?*+()\[\]{}]")
_REPEATS: Final = frozenset("*+?")
_NOT_RE2: Final = re.compile(r"\(\?(?:[=!>(]|<[=!]|P[=>])|\\[1-9]|[*+?}]\+")
_OF_RE2_ALONE: Final = ("global flags not at the start of the expression", r"bad escape \p", r"bad escape \z")
_LONG_VALUES: Final = frozenset({"cookie", "user-agent", "accept-language", "accept", "referer", "authorization"})


class Condition(NamedTuple):
    """One condition: its sort (`exact`, `prefix`, `regex`, `present`), its value, and whether case counts."""

    sort: str
    value: str
    is_any_case: bool = False


Conditions = Mapping[tuple[str, str], Condition]


class Rule(NamedTuple):
    """One match of a route, or a route without any: its place, the route's number, and what it asks for."""

    place: Value
    route: int
    conditions: Conditions


def rules_of(virtual_service: Object) -> list[Rule]:
    """Return the matches of all HTTP routes, in their order."""
    found = []
    for number, route in enumerate(virtual_service.list_of("http")):
        matches = route.list_of("match")
        found += [Rule(match, number, _conditions(match)) for match in matches] or [Rule(route, number, {})]
    return found


def matches(virtual_service: Object, world: World) -> Iterator[Finding]:
    """Yield what is wrong with the matches of a VirtualService."""
    rules = rules_of(virtual_service)
    yield from _never_reached(rules)
    yield from _no_rest(virtual_service, rules, world)
    for route in virtual_service.list_of("http"):
        for match in route.list_of("match"):
            yield from _values(match)


def covers(wide: Conditions, narrow: Conditions) -> bool:
    """Return whether each request that has the narrow conditions has the wide ones."""
    return all(
        key in narrow and _implies(narrow[key], one, key[0]) for key, one in wide.items() if not _is_any(key, one)
    )


class _Wider:
    """Rules by one of their conditions, so that those which can cover another one are found among thousands."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        """Have some rules."""
        self.everything: list[Rule] = []
        self.same: dict[tuple[object, ...], list[Rule]] = {}
        self.other: dict[tuple[object, ...], list[Rule]] = {}
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        """Add a rule."""
        key, one = next(((key, one) for key, one in rule.conditions.items() if not _is_any(key, one)), (None, None))
        if key is None or one is None:
            self.everything.append(rule)
            return
        is_plain = not one.is_any_case and key[0] != "gateways"
        if is_plain and (one.sort == "exact" or (one.sort == "regex" and one.value != ".*")):
            self.same.setdefault((key, one.sort, one.value), []).append(rule)
        if not is_plain or one.sort != "exact":
            sort = "regex" if is_plain and one.sort == "regex" and one.value != ".*" else ""
            self.other.setdefault((key, sort), []).append(rule)

    def first(self, conditions: Conditions) -> Rule | None:
        """Return the first rule that covers conditions; None where there is none."""
        found = self.everything[:1]
        for key, one in conditions.items():
            lists = [self.same.get((key, one.sort, one.value), ()), self.other.get((key, ""), ())]
            if one.sort == "exact":
                lists.append(self.other.get((key, "regex"), ()))
            found += [rule for rules in lists for rule in rules if covers(rule.conditions, conditions)][:1]
        return min(found, key=lambda rule: (rule.route, rule.place.line), default=None)


def _is_any(key: tuple[str, str], condition: Condition) -> bool:
    """Return whether a condition holds for each request."""
    return key[0] == "uri" and (condition.sort, condition.value) in (("prefix", "/"), ("regex", ".*"), ("regex", "/.*"))


def _implies(narrow: Condition, wide: Condition, part: str) -> bool:
    if part == "gateways":
        return set(narrow.value.split()) <= set(wide.value.split())
    if part == "withoutHeaders" or (narrow.is_any_case and not wide.is_any_case):
        return narrow == wide
    if wide.is_any_case:
        narrow, wide = narrow._replace(value=narrow.value.lower()), wide._replace(value=wide.value.lower())
    if wide.sort == "present" or (wide.sort == "regex" and wide.value == ".*"):
        return True
    if (narrow.sort, narrow.value) == (wide.sort, wide.value):
        return True
    if wide.sort == "prefix":
        return narrow.sort in ("exact", "prefix") and narrow.value.startswith(wide.value)
    return wide.sort == "regex" and narrow.sort == "exact" and _is_whole(wide.value, narrow.value)


def _is_whole(pattern: str, value: str) -> bool:
    """Return whether a regex matches a whole value; no where Python does not know it, or it could take long."""
    if len(re.findall(r"[*+{]", pattern)) > 3 or len(value) > 200:
        return False
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return False


def _conditions(match: Value) -> Conditions:
    found = {}
    is_any_case = match.text_of("ignoreUriCase") == "true"
    for part, value in match.fields.items():
        if part in _WITHOUT_EFFECT:
            continue
        if part in _MAPS:
            for key, child in value.fields.items():
                found[part, key.lower() if part != "queryParams" else key] = _condition(child)
        elif part == "gateways":
            found[part, ""] = Condition("exact", " ".join(one.text for one in value.items))
        else:
            found[part, ""] = _condition(value)._replace(is_any_case=is_any_case and part == "uri")
    return found


def _condition(value: Value) -> Condition:
    for sort in ("exact", "prefix", "regex"):
        if sort in value.fields:
            return Condition(sort, value.text_of(sort))
    return Condition("exact", value.text) if value.text else Condition("present", "")


def _never_reached(rules: list[Rule]) -> Iterator[Finding]:
    earlier = _Wider()
    for rule in rules:
        wider = earlier.first(rule.conditions)
        earlier.add(rule)
        if wider is None:
            continue
        what = "the same requests" if covers(rule.conditions, wider.conditions) else "all its requests"
        if not any(not _is_any(key, one) for key, one in wider.conditions.items()):
            what = "every request"
        problem = f"no request gets here: {wider.place.path} (line {wider.place.line}) takes {what}"
        effect = f"http[{rule.route}] is not used for them; the first route that matches is taken"
        fix = f"put the narrower one first, above line {wider.place.line}, or remove one of the two"
        yield finding("never-reached", rule.place, problem, effect=effect, fix=fix)


def _no_rest(virtual_service: Object, rules: list[Rule], world: World) -> Iterator[Finding]:
    if not virtual_service.list_of("hosts") or _has_helper(virtual_service, world):
        return
    reported = set()
    wider = _Wider(rules)
    for rule in rules:
        chosen = {key for key in rule.conditions if key[0] in _CHOSEN}
        base = {key: one for key, one in rule.conditions.items() if key not in chosen}
        if not chosen or str(base) in reported or wider.first(base):
            continue
        reported.add(str(base))
        names = " and ".join(f"{part} {key}".strip() for part, key in sorted(chosen))
        problem = f"no route takes the requests without this condition ({names})"
        fix = "add a last route without `match`, to the stable version"
        yield finding("no-route-for-the-rest", rule.place, problem, effect="they get 404", fix=fix)


def _has_helper(virtual_service: Object, world: World) -> bool:
    """Return whether another VirtualService has one of the hosts: a gateway merges their routes."""
    hosts = [host_of(one.text, virtual_service.namespace) for one in virtual_service.list_of("hosts")]
    others = [one for one in world.virtual_services if one.name != virtual_service.name]
    named = [host_of(host.text, one.namespace) for one in others for host in one.list_of("hosts")]
    return any(is_same_host(one, other) for one in hosts for other in named)


def _values(match: Value) -> Iterator[Finding]:
    for part in ("headers", "withoutHeaders", "queryParams"):
        found = match.get(part)
        for name, value in (found.fields if found else {}).items():
            yield from _value(value, is_long=part != "queryParams" and name.lower() in _LONG_VALUES)
    for part in ("uri", "method", "authority", "scheme"):
        value_of_part = match.get(part)
        if value_of_part:
            yield from _value(value_of_part, is_long=False)


def _value(value: Value, *, is_long: bool) -> Iterator[Finding]:
    """Yield what is doubtful about the value of a condition; a long one has more in it than what is looked for."""
    regex, exact = value.get("regex"), value.get("exact") or value.get("prefix")
    if regex and _NOT_RE2.search(regex.text):
        problem = f"{regex.text[:60]}: Envoy's regexes (RE2) have no lookahead, back reference or possessive repeat"
        fix = "write it without them; `withoutHeaders` excludes values"
        yield finding("regex-refused", regex, problem, effect="Istio refuses the file", fix=fix)
    elif regex and regex.text[:1] in _REPEATS:
        problem = f"{regex.text[:60]}: a regex cannot begin with {regex.text[0]}, which repeats what is before it"
        fix = f"write `regex: '.{regex.text}'` for any character, or `{{}}` for any value of a header"
        yield finding("regex-refused", regex, problem, effect="Istio refuses the file", fix=fix)
    elif regex and (fault := _fault(regex.text)):
        problem = f"{regex.text[:60]}: is not a regex: {fault}"
        fix = "correct it; a sign that is meant as it is has `\\` before it"
        yield finding("regex-refused", regex, problem, effect="Istio refuses the file", fix=fix)
    elif regex and regex.text and not _SPECIAL.search(regex.text):
        problem = f"{regex.text[:60]}: a regex must match the whole value, so this one is like `exact`"
        fix = f'write `exact: "{regex.text}"`, or `regex: ".*{regex.text}.*"` if there can be more around it'
        effect = "a longer value does not match"
        yield finding("regex", regex, problem, effect=effect, fix=fix)
    elif regex and is_long and not re.search(r"[*+]", regex.text):
        problem = f"{regex.text[:60]}: a regex must match the whole value, and this header usually has more in it"
        fix = f"write `regex: '.*{regex.text.strip('^$')}.*'`"
        effect = "a value with anything before or after it does not match"
        yield finding("regex", regex, problem, effect=effect, fix=fix)
    elif exact and (".*" in exact.text or exact.text == "*"):
        problem = f"{exact.text[:60]}: `exact` and `prefix` take each character as it is, the star too"
        fix = "write `regex:`, or `{}` for any value of a header"
        yield finding("regex", exact, problem, effect="no usual request matches", fix=fix)


def _fault(pattern: str) -> str:
    """Return what is wrong with a regex, "" for one that is right, or that only RE2 knows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        reason = getattr(error, "msg", str(error))
        return "" if reason in _OF_RE2_ALONE else reason
    return ""
