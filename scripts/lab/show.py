"""What the lab's Envoy has, read from its admin interface: for `show`, and the routes for the other commands."""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from canary_loadtest.core.message import Message
from scripts.lab import control
from scripts.lab.envoy import Admin
from scripts.lab.errors import LabError
from scripts.lab.terminal import WIDTH, filled, told, wrapped
from scripts.lab.translation import translate
from scripts.lab.translation.defaults import INSIDE_CONFIGURATION_NAME, ROUTE_CONFIGURATION_NAME
from scripts.proxy.routes import Json, NoRouteError
from scripts.proxy.served import Served, sentence, served
from scripts.proxy.view import view

HOST_HEADER: Final = translate.full_host_name(translate.SERVICE_NAME, "default")
COLUMN: Final = 13 * " "  # where the view's second column begins


@dataclass(frozen=True)
class Configuration:
    """What an Envoy has, in the form in which `istioctl proxy-config` prints it.

    Attributes:
        routes: its route configurations.
        clusters: its clusters.
        endpoints: the endpoints of each cluster, with what was sent to each.
    """

    routes: list[Json]
    clusters: list[Json]
    endpoints: list[Json]


def show(options: argparse.Namespace) -> int:
    """Print what the lab's Envoy has for a host, or for all hosts."""
    configuration = read(control.running(options.dir).admin_url, inside=options.inside)
    hosts = [options.host] if options.host else _hosts(configuration)
    try:
        views = [view(host, configuration.routes, configuration.clusters, configuration.endpoints) for host in hosts]
    except NoRouteError as error:
        raise LabError(Message("Envoy has {error}", error=error)) from error
    print("\n\n".join("\n".join(map(_in_column, lines)) for lines in views) or told(sentence([])), flush=True)
    return 0


def read(admin_url: str, *, inside: bool = False) -> Configuration:
    """Return what the Envoy with an admin interface has.

    Args:
        admin_url: URL of the interface.
        inside: whether to return the routes for clients inside the mesh, and not those of the gateway.

    Raises:
        LabError: it does not answer.
    """
    with Admin(admin_url) as admin:
        configs = admin.get_json("/config_dump")["configs"]
        statuses = admin.get_json("/clusters?format=json").get("cluster_statuses", ())
    listener = INSIDE_CONFIGURATION_NAME if inside else ROUTE_CONFIGURATION_NAME
    routes = [one["route_config"] for dump in configs for one in dump.get("dynamic_route_configs", ())]
    return Configuration(
        routes=_camel([one for one in routes if one["name"] == listener]),
        clusters=_camel([one["cluster"] for dump in configs for one in dump.get("dynamic_active_clusters", ())]),
        endpoints=_camel(list(statuses)),
    )


def served_routes(admin_url: str) -> list[Served]:
    """Return the routes that the Envoy with an admin interface serves; raises as `read`."""
    return served(read(admin_url).routes)


def described(routes: Sequence[Served], extra: str = "", host: str = HOST_HEADER) -> str:
    """Return what Envoy serves, in words that fit a terminal.

    Args:
        routes: what it serves.
        extra: what is added to the first sentence.
        host: the usual Host, which is not named.
    """
    return "\n".join(_fitted(line) for line in told(sentence(routes, extra, host)).splitlines())


def _hosts(configuration: Configuration) -> list[str]:
    """Return a host of each virtual host."""
    return list(dict.fromkeys(route.hosts[0] for route in served(configuration.routes)))


def _fitted(line: str) -> str:
    """Return a line of a list in lines that fit, or another one as every text is wrapped."""
    if not line.startswith(" "):
        return wrapped(line)
    indent = line[: len(line) - len(line.lstrip())]
    return filled(line, f"{indent}    ")


def _in_column(line: str) -> str:
    line = told(line)
    if len(line) > WIDTH:
        line = re.sub(r",(?=\S)", ", ", line)  # Envoy's own lists have no place to break
    return filled(line, COLUMN)


def _camel(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with its keys in protobuf's other form; Envoy's admin interface writes snake_case."""
    if isinstance(value, dict):
        return dict(_pairs(value))
    return [_camel(one) for one in value] if isinstance(value, list) else value


def _pairs(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, one in value.items():
        # A key such as envoy.filters.http.fault is a name, not a field.
        yield (key if "." in key else re.sub(r"_(.)", lambda found: found[1].upper(), key)), _camel(one)
