"""The fields of a route that Istio and Envoy merely call by different names: their tables, and what little is more.

Envoy's objects are v3 API in protobuf's JSON form, in snake_case.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from scripts.lab.translation import defaults

Json = dict[str, Any]
# Istio's name of a field to Envoy's, and what becomes of its value.
Table = Mapping[str, tuple[str, Callable[[Any], Any]]]

_FILTERS: Final = "type.googleapis.com/envoy.extensions.filters.http"


def renamed(given: Mapping[str, Any], table: Table) -> Json:
    """Return the fields of a table that are given, under Envoy's names, each by its function."""
    return {new: convert(given[old]) for old, (new, convert) in table.items() if old in given}


def same(value: object) -> object:
    """Return a value as it is."""
    return value


def joined(values: Sequence[str]) -> str:
    """Return texts with commas between them."""
    return ",".join(values)


def fraction(percentage: float) -> Json:
    """Return a FractionalPercent: Istio writes a `Percent` in millionths, an old whole percentage in hundredths."""
    if isinstance(percentage, int):
        return {"numerator": percentage} if percentage else {}
    numerator = {"numerator": int(percentage * 10000)} if percentage else {}
    return {**numerator, "denominator": "MILLION"}


def string_matcher(match: Mapping[str, str]) -> Json:
    """Mirrors `ConvertToEnvoyMatch`."""
    return {"safe_regex": {"regex": match["regex"]}} if "regex" in match else dict(match)


def _matcher(name: str, match: Mapping[str, str]) -> Json:
    """Mirrors `translateHeaderMatch`: an empty match means present."""
    if not match:
        return {"name": name, "present_match": True}
    return {"name": name, "string_match": string_matcher(match)}


_PSEUDO_HEADERS: Final = {"method": ":method", "authority": ":authority", "scheme": ":scheme"}
_PATHS: Final = {"exact": "path", "prefix": "prefix"}


def route_match(match: Mapping[str, Any]) -> Json:
    """Mirrors `TranslateRouteMatch`; headers come sorted by name, then those that are fields of their own."""
    if not match:
        return {"prefix": "/"}
    headers = [_matcher(name, value) for name, value in match.get("headers", {}).items()]
    for name, value in match.get("withoutHeaders", {}).items():
        header = {**_matcher(name, value), "invert_match": True}
        headers.append(header if "present_match" in header else {**header, "treat_missing_header_as_empty": True})
    headers.sort(key=lambda header: str(header["name"]))
    headers += [_matcher(header, match[name]) for name, header in _PSEUDO_HEADERS.items() if name in match]
    parameters = [_matcher(name, value) for name, value in sorted(match.get("queryParams", {}).items())]
    return {
        **_path(match.get("uri", {"prefix": "/"})),
        "case_sensitive": not match.get("ignoreUriCase", False),
        **({"headers": headers} if headers else {}),
        **({"query_parameters": parameters} if parameters else {}),
    }


def _path(uri: Mapping[str, str]) -> Json:
    ((kind, value),) = uri.items()
    return {"safe_regex": {"regex": value}} if kind == "regex" else {_PATHS[kind]: value}


@dataclass(frozen=True)
class HeaderOperations:
    """What is done to the headers of requests and answers, as Envoy's fields; `authority` is a Host to set."""

    fields: Mapping[str, list[Any]]
    authority: str


def header_operations(headers: Mapping[str, Any]) -> HeaderOperations:
    """Mirrors `TranslateHeadersOperations`: first those to set, then those to add, each sorted by name."""
    fields: dict[str, list[Any]] = {}
    authority = ""
    for way in ("request", "response"):
        given = headers.get(way, {})
        # To add is the default, which protobuf's JSON leaves out.
        for operation, action in (("set", {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}), ("add", {})):
            values = sorted(given.get(operation, {}).items())
            found = [
                {"header": {"key": name, "value": value}, **action} for name, value in values if not _is_host(name)
            ]
            if found:
                fields[f"{way}_headers_to_add"] = [*fields.get(f"{way}_headers_to_add", ()), *found]
            hosts = [value for name, value in values if _is_host(name) and way == "request"]
            authority = authority or (hosts[-1] if hosts else "")
        removed = [name for name in given.get("remove", ()) if not _is_host(name)]
        if removed:
            fields[f"{way}_headers_to_remove"] = removed
    return HeaderOperations(fields, authority)


def _is_host(name: str) -> bool:
    return name.lower() == "host"


def timeouts(timeout: str | None) -> Json:
    """Mirrors `setTimeout`."""
    return {"timeout": timeout or "0s", "max_grpc_timeout": timeout or "0s"}


def rewrite(given: Mapping[str, Any], authority: str) -> Json:
    """Return the rewriting of path and Host; the rewrite's Host goes before one of the headers."""
    found: Json = {}
    if "uriRegexRewrite" in given:
        regex = given["uriRegexRewrite"]
        found["regex_rewrite"] = {"pattern": {"regex": regex["match"]}, "substitution": regex["rewrite"]}
    elif given.get("uri"):
        found["prefix_rewrite"] = given["uri"]
    host = given.get("authority") or authority
    return {**found, **({"host_rewrite_literal": host} if host else {})}


def mirror(cluster: str, percentage: float) -> Json:
    """Mirrors `TranslateRequestMirrorPolicyCluster`."""
    return {
        "cluster": cluster,
        "runtime_fraction": {"default_value": fraction(percentage)},
        "trace_sampled": False,
        "disable_shadow_host_suffix_append": True,
    }


_HASH_KEYS: Final[Mapping[str, Callable[[Any], Json]]] = MappingProxyType(
    {
        "httpHeaderName": lambda name: {"header": {"header_name": name}},
        "httpCookie": lambda cookie: {"cookie": dict(cookie)},
        "useSourceIp": lambda used: {"connection_properties": {"source_ip": used} if used else {}},
        "httpQueryParameterName": lambda name: {"query_parameter": {"name": name}},
    }
)


def hash_policy(consistent_hash: Mapping[str, Any] | None) -> Json | None:
    """Mirrors `consistentHashToHashPolicy`; None without a key."""
    given = consistent_hash or {}
    return next((make(given[key]) for key, make in _HASH_KEYS.items() if key in given), None)


_RETRIABLE: Final = "retriable-status-codes"


def retry_policy(given: Mapping[str, Any] | None, *, is_hashed: bool) -> Json | None:
    """Mirrors `ConvertPolicy`: Istio's default with what the file gives; None for no attempts.

    Where a hash chooses the pod, a retry may go to the same one.
    """
    policy: Json = deepcopy(dict(defaults.RETRY_POLICY))
    hosts = policy.pop("retry_host_predicate")
    if given is not None and not given.get("attempts"):
        return None
    given = given or {}
    policy["num_retries"] = given.get("attempts", policy["num_retries"])
    if "retryOn" in given:
        parts = given["retryOn"].split(",")
        codes = [int(part) for part in parts if part.isdigit()]
        names = [part for part in parts if not part.isdigit()]
        if codes and _RETRIABLE not in names:
            names.append(_RETRIABLE)
        policy["retry_on"] = ",".join(names)
        if codes:
            policy["retriable_status_codes"] = codes
    if "perTryTimeout" in given:
        policy["per_try_timeout"] = given["perTryTimeout"]
    if "backoff" in given:
        policy["retry_back_off"] = {"base_interval": given["backoff"]}
    if given.get("retryRemoteLocalities"):
        policy["retry_priority"] = deepcopy(dict(defaults.RETRY_PRIORITY))
    is_elsewhere = given.get("retryIgnorePreviousHosts", not is_hashed)
    return {**policy, **({"retry_host_predicate": hosts} if is_elsewhere else {})}


_REDIRECT_CODES: Final = {
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def redirect(given: Mapping[str, Any], port: int, *, is_tls: bool) -> Json:
    """Mirrors `ApplyRedirect`: the usual port of the scheme, by default that of the server, is left out."""
    names = {"authority": ("host_redirect", same), "scheme": ("scheme_redirect", same)}
    found = {"path_redirect": given.get("uri", ""), **renamed(given, names)}
    wanted = given.get("port", port if given.get("derivePort") == "FROM_REQUEST_PORT" else 0)
    if wanted and (wanted, given.get("scheme", "https" if is_tls else "http")) not in ((80, "http"), (443, "https")):
        found["port_redirect"] = wanted
    code = _REDIRECT_CODES.get(given.get("redirectCode", 301))
    return {**found, **({"response_code": code} if code else {})}


def direct_response(given: Mapping[str, Any]) -> Json:
    """Mirrors `ApplyDirectResponse`."""
    body = renamed(given.get("body", {}), {"string": ("inline_string", same), "bytes": ("inline_bytes", same)})
    return {"status": given["status"], **({"body": body} if body else {})}


GRPC_STATUS: Final = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            (
                *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
                *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
                *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
            )
        )
    }
)
_DELAY: Final[Table] = {"fixedDelay": ("fixed_delay", same)}
_ABORT: Final[Table] = {
    "percentage": ("percentage", fraction),
    "httpStatus": ("http_status", same),
    "grpcStatus": ("grpc_status", GRPC_STATUS.__getitem__),
}
_CORS: Final[Table] = {
    "allowOrigins": ("allow_origin_string_match", lambda matches: [string_matcher(one) for one in matches]),
    "allowOrigin": ("allow_origin_string_match", lambda origins: [{"exact": one} for one in origins]),
    "allowMethods": ("allow_methods", joined),
    "allowHeaders": ("allow_headers", joined),
    "exposeHeaders": ("expose_headers", joined),
    "maxAge": ("max_age", lambda age: age.removesuffix("s").partition(".")[0]),
    "allowCredentials": ("allow_credentials", same),
}


def filters(options: Mapping[str, Any]) -> Json:
    """Return a route's own configuration of Envoy's filters, for `fault` and `corsPolicy`."""
    found: Json = {}
    if "fault" in options:
        found["envoy.filters.http.fault"] = {"@type": f"{_FILTERS}.fault.v3.HTTPFault", **_fault(options["fault"])}
    if "corsPolicy" in options:
        cors = options["corsPolicy"]
        found["envoy.filters.http.cors"] = {
            "@type": f"{_FILTERS}.cors.v3.CorsPolicy",
            **renamed(cors, _CORS),
            "filter_enabled": {"default_value": {"numerator": 100}},
            "forward_not_matching_preflights": cors.get("unmatchedPreflights") != "IGNORE",
        }
    return found


def _fault(given: Mapping[str, Any]) -> Json:
    """Mirrors `TranslateFault`."""
    found: Json = {}
    if "delay" in given:
        delay = given["delay"]
        percentage = fraction(delay.get("percentage", delay.get("percent", 0)))
        found["delay"] = {"percentage": percentage, **renamed(delay, _DELAY)}
    if "abort" in given:
        found["abort"] = renamed(given["abort"], _ABORT)
    return found
