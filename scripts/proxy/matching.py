"""Whether a route of Envoy takes a request."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from scripts.proxy.routes import Json

TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": str.__contains__,
}


def takes(match: Json, path: str, headers: Mapping[str, str]) -> bool:
    """Return whether a RouteMatch takes a request without a query; a condition that is not known takes none.

    Args:
        match: as Envoy has it, in protobuf's JSON form in camelCase.
        path: the request's path.
        headers: its headers by name in lower case, with `:method` and `:authority`.
    """
    return (
        _takes_path(match, path)
        and all(_takes_header(one, headers.get(one["name"].lower())) for one in match.get("headers", ()))
        and not any(_asks_for(one) for one in match.get("queryParameters", ()))
    )


def _takes_path(match: Json, path: str) -> bool:
    sensitive = match.get("caseSensitive", True)
    asked = path if sensitive else path.lower()

    def value(kind: str) -> str:
        return str(match[kind]) if sensitive else str(match[kind]).lower()

    if "prefix" in match:
        return asked.startswith(value("prefix"))
    if "path" in match:
        return asked == value("path")
    if "pathSeparatedPrefix" in match:
        return f"{asked}/".startswith(f"{value('pathSeparatedPrefix')}/")
    return _is_whole(match.get("safeRegex", {}).get("regex"), path)


def _takes_header(matcher: Json, value: str | None) -> bool:
    if value is None and matcher.get("treatMissingHeaderAsEmpty"):
        value = ""
    if "stringMatch" in matcher:
        # To Envoy an absent header is neither a value nor another one.
        return value is not None and _takes_text(matcher["stringMatch"], value) is not bool(matcher.get("invertMatch"))
    is_wanted = (value is not None) is bool(matcher.get("presentMatch", True))
    return is_wanted is not bool(matcher.get("invertMatch"))


def _takes_text(matcher: Json, value: str) -> bool:
    """Return whether a StringMatcher takes a value."""
    if "safeRegex" in matcher:
        return _is_whole(matcher["safeRegex"]["regex"], value)
    folds = bool(matcher.get("ignoreCase"))
    asked = value.lower() if folds else value
    for kind, test in TESTS.items():
        if kind in matcher:
            return test(asked, matcher[kind].lower() if folds else matcher[kind])
    return False


def _asks_for(matcher: Json) -> bool:
    """Return whether a query parameter has to be there."""
    return bool(matcher.get("presentMatch", True))


def _is_whole(regex: str | None, value: str) -> bool:
    """Return whether an expression matches a whole value; RE2 and Python agree on those that a route needs."""
    try:
        return regex is not None and re.fullmatch(regex, value) is not None
    except re.error:
        return False
