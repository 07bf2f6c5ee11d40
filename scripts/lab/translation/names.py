"""Names of hosts, gateways and namespaces, as Istio resolves them."""

from typing import Final

from scripts.lab.translation.fields import Form

DEFAULT_NAMESPACE: Final = "default"
MESH: Final = "mesh"

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST_PATTERN: Final = rf"(?=.{{1,255}}$)(?!.*\.[0-9]+$){_LABEL}(\.{_LABEL})*"
_NOT_NUMBER: Final = "whose last part is not a number"

NAME: Final = Form(_LABEL, "a name of lower-case letters, digits and hyphens")
# The name of an object of Kubernetes.
OBJECT_NAME: Final = Form(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", f"{NAME.meaning}, or several with dots between")
SUBSET_NAME: Final = Form(r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?", "a name of letters, digits and hyphens")
GATEWAY_NAME: Final = Form(
    rf"(?![0-9]+$)({_LABEL}/)?{_LABEL}(\.{_LABEL})*", f"{NAME.meaning}, perhaps NAMESPACE/NAME, not of digits alone"
)
# Istio refuses a number as the last of several parts, except in an IP address, which the lab does not support.
HOST: Final = Form(_HOST_PATTERN, f"a host name in lower case, without scheme, port and wildcard, {_NOT_NUMBER}")
WILDCARD_HOST: Final = Form(
    rf"\*|(\*\.)?{_HOST_PATTERN}",
    f"a host name in lower case, * or *.example.com, without scheme and port, {_NOT_NUMBER}",
)
SERVER_HOST: Final = Form(
    rf"((\*|\.|{_LABEL})/)?({WILDCARD_HOST.pattern})", f"{WILDCARD_HOST.meaning}, perhaps NAMESPACE/HOST"
)


def full_host_name(host: str, namespace: str) -> str:
    """Return the full name of a host, as Istio's `ResolveShortnameToFQDN`: a short name is of the namespace."""
    return host if "." in host or host == "*" else f"{host}.{namespace}.svc.cluster.local"


def full_gateway_name(gateway: str, namespace: str) -> str:
    """Return `NAMESPACE/NAME` of a gateway that a virtual service of a namespace names; `mesh` is itself."""
    return gateway if gateway == MESH or "/" in gateway else f"{namespace}/{gateway}"


def is_within(host: str, other: str) -> bool:
    """Return whether every host name that a host stands for is one that the other stands for; Istio's `SubsetOf`."""
    if other in ("*", host):
        return True
    return other.startswith("*.") and host.endswith(other[1:]) and host != "*"


def intersection(hosts: list[str], others: list[str]) -> list[str]:
    """Return what two lists of hosts have in common, each the narrower name; Istio's `Names.Intersection`."""
    found: list[str] = []
    for host in hosts:
        for other in others:
            if is_within(host, other):
                found.append(host)
            elif is_within(other, host):
                found.append(other)
    return list(dict.fromkeys(found))
