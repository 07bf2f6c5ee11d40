"""What Istio adds to a gateway's configuration by default, for one version of Istio.

Each value is tested against the records of a real istiod under tests/data/istiod/. For a new version of Istio change
`versions.env` and `ISTIO_VERSION` here, make new records with `python -m scripts.record.routes`, and then change the
values that the tests report.

The fields are Envoy's v3 API, in protobuf's JSON form.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

ISTIO_VERSION: Final = "1.32"

# The ingress gateway's Service sends its port 80 to port 8080 of the pod, and the routes are named by the latter.
ROUTE_CONFIGURATION_NAME: Final = "http.8080"
# Of the listener for browsers, which Istio does not have.
BROWSER_CONFIGURATION_NAME: Final = "browser"
# Of the listener for clients inside the mesh: a sidecar has one for each port, called by its number.
INSIDE_CONFIGURATION_NAME: Final = "inside"

# Ports in the Host header do not matter; a route to a cluster that does not exist is served, with 503.
ROUTE_CONFIGURATION: Final[Mapping[str, Any]] = MappingProxyType(
    {"validate_clusters": False, "ignore_port_in_host_matching": True},
)

# The service can see in x-envoy-attempt-count whether a request is a retry.
VIRTUAL_HOST: Final[Mapping[str, Any]] = MappingProxyType({"include_request_attempt_count": True})

# Two retries, on another endpoint, where the request has not been served: a 503 answer is not retried, since no status
# code is named for "retriable-status-codes".
RETRY_POLICY: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        "num_retries": 2,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                },
            },
        ],
        "host_selection_retry_max_attempts": "5",
    },
)
RETRY_PRIORITY: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "name": "envoy.retry_priorities.previous_priorities",
        "typed_config": {
            "@type": "type.googleapis.com/"
            "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            "update_frequency": 2,
        },
    },
)

# What `sourceLabels` and `sourceNamespace` of a match can mean at the gateway.
GATEWAY_LABELS: Final[Mapping[str, str]] = MappingProxyType({"app": "istio-ingressgateway", "istio": "ingressgateway"})
GATEWAY_NAMESPACE: Final = "istio-system"

MINIMUM_RING_SIZE: Final = 1024

# Panic threshold 0: requests never go to endpoints that are known to be unhealthy.
CLUSTER: Final[Mapping[str, Any]] = MappingProxyType(
    {"connect_timeout": "10s", "common_lb_config": {"healthy_panic_threshold": {"value": 0}}},
)

LOAD_BALANCER: Final = "LEAST_REQUEST"

# No limits: the largest number that the field holds.
_UNLIMITED: Final = 2**32 - 1
CIRCUIT_BREAKER_THRESHOLDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "max_connections": _UNLIMITED,
        "max_pending_requests": _UNLIMITED,
        "max_requests": _UNLIMITED,
        "max_retries": _UNLIMITED,
    },
)
