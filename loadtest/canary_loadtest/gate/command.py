"""The gate's two commands: `serve` answers, `load` has the load test run for it."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import gevent
from gevent.pywsgi import WSGIServer

from canary_loadtest.core.answer import Destinations
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.outcome import EXIT_INTERRUPTED, EXIT_NO_VERDICT
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.gate.access import Access
from canary_loadtest.gate.kubernetes import IN_CLUSTER, SERVICE_ACCOUNT, Cluster
from canary_loadtest.gate.load import Target, load
from canary_loadtest.gate.rules.objects import Engine
from canary_loadtest.gate.service import PODS, Gate, Settings
from canary_loadtest.gate.web import Questions, load_app
from canary_loadtest.options import (
    add_destinations,
    add_expectation,
    add_slowness,
    add_versions,
    destinations_of,
    expectation_of,
    host_header,
    rate,
    versions_of,
)
from canary_loadtest.output.text import wrapped

DEFAULT_PORT: Final = 8080
DEFAULT_LOAD_PORT: Final = 8081
DEFAULT_SETTLE_SECONDS: Final = 10.0
DEFAULT_USERS: Final = 8
DEFAULT_MAX_RATE: Final = 100.0
ANY_WEIGHT: Final = ["--expect-canary", "50"]

EXAMPLES: Final = """examples:
  PROGRAM serve --engine argo-rollouts --object micro-api \\
    --state micro-api-gate --token-file /etc/gate/token -- --max-slowdown 1.2
  PROGRAM load --host http://istio-ingressgateway.istio-system \\
    --host-header micro-api.canary-mesh.svc.cluster.local
"""


def main(arguments: list[str], program: str) -> int:
    """Run `serve` or `load` until SIGTERM or Ctrl-C, and return the exit code.

    Args:
        arguments: the command line without the program's name.
        program: how it was called, for the usage.
    """
    parser = _parser(program)
    own, more = _split(arguments)
    options = parser.parse_args(own)
    try:
        return _serve(parser, options, more) if options.command == "serve" else _load(options, more)
    except ExpectationError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OSError as error:
        print(wrapped(f"{program}: ", str(error), indent=4), file=sys.stderr)
        return EXIT_NO_VERDICT


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what stands before `--` and what stands after it."""
    place = list(arguments).index("--") if "--" in arguments else len(arguments)
    return list(arguments[:place]), list(arguments[place + 1 :])


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        allow_abbrev=False,
        description="Answer a release engine: may its canary go on? A load test decides.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES.replace("PROGRAM", program),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands.add_parser("serve", help="answer questions; after --, what is tested", allow_abbrev=False))
    _add_load(commands.add_parser("load", help="run the load test; after --, more of its options", allow_abbrev=False))
    return parser


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--engine", choices=[*Engine], required=True, help="which engine asks")
    serve.add_argument("--object", required=True, metavar="NAME", help="name of its Rollout or Canary")
    serve.add_argument("--state", required=True, metavar="NAME", help="ConfigMap that keeps the counts; it must exist")
    serve.add_argument("--namespace", metavar="NAME", help="of these objects (default: that of the pod)")
    serve.add_argument(
        "--token-file", type=Path, metavar="FILE", help="who sends the token in FILE as 'Authorization: Bearer' may ask"
    )
    serve.add_argument(
        "--allow-peer",
        action="append",
        default=[],
        metavar="SPIFFE-ID",
        help="who has this identity may ask, as the sidecar says it; may be repeated. Only behind a sidecar that takes"
        " mutual TLS alone: anyone else can write that header",
    )
    serve.add_argument(
        "--settle-seconds",
        type=float,
        default=DEFAULT_SETTLE_SECONDS,
        metavar="SECONDS",
        help=f"from a new weight to its first answer that counts (default {DEFAULT_SETTLE_SECONDS:g})",
    )
    add_versions(serve)
    serve.add_argument(
        "--alarm-url",
        type=_web_address,
        metavar="URL",
        help="where a rollback or release that is NOT PROVED is sent to, as JSON with the member 'text'",
    )
    serve.add_argument("--address", default="0.0.0.0", metavar="ADDRESS", help="to listen on (default: all)")  # noqa: S104 - a pod's
    serve.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"for questions (default {DEFAULT_PORT})")
    serve.add_argument(
        "--load-port",
        type=int,
        default=DEFAULT_LOAD_PORT,
        metavar="PORT",
        help=f"for `load`, on the loopback address (default {DEFAULT_LOAD_PORT})",
    )
    serve.add_argument("--kubernetes", default=IN_CLUSTER, metavar="URL", help="the API server (default: the pod's)")


def _add_load(command: argparse.ArgumentParser) -> None:
    gate = f"http://127.0.0.1:{DEFAULT_LOAD_PORT}"
    command.add_argument("--gate", default=gate, metavar="URL", help=f"the gate's --load-port (default {gate})")
    command.add_argument("--host", required=True, metavar="URL", help="the address of the service")
    command.add_argument("--host-header", type=host_header, default="", metavar="HOST", help="Host header to send")
    add_destinations(command)
    command.add_argument("--users", type=int, default=DEFAULT_USERS, help=f"simulated users (default {DEFAULT_USERS})")
    command.add_argument(
        "--max-rate",
        type=rate,
        default=DEFAULT_MAX_RATE,
        metavar="REQUESTS_PER_SECOND",
        help=f"maximum number of requests per second (default {DEFAULT_MAX_RATE:g})",
    )


def _serve(parser: argparse.ArgumentParser, options: argparse.Namespace, tested: list[str]) -> int:
    if not options.token_file and not options.allow_peer:
        parser.error("serve: no one may ask: give --token-file, --allow-peer, or both")
    namespace = options.namespace or _own_namespace()
    if namespace is None:
        parser.error("serve: --namespace is missing, and this is no pod that has one")
    settings = Settings(
        Engine(options.engine),
        options.object,
        options.state,
        _expectation(parser.prog, tested),
        tuple(tested),
        options.settle_seconds,
        options.alarm_url or "",
        _versions(options),
    )
    gate = Gate(Cluster(options.kubernetes, namespace), settings)
    access = Access(options.token_file, frozenset(options.allow_peer))
    public = WSGIServer((options.address, options.port), Questions(gate, options.object, access).app(), log=None)
    loop = WSGIServer(("127.0.0.1", options.load_port), load_app(gate), log=None)
    gevent.signal_handler(signal.SIGTERM, public.stop)
    loop.start()
    print(f"gate: answers for {options.engine} {namespace}/{options.object} at port {options.port}", flush=True)
    try:
        public.serve_forever()
    finally:
        loop.stop()
    return 0


def _versions(options: argparse.Namespace) -> Destinations:
    """Return how answers name their version; a header alone has the names of pods."""
    if options.version_header and not (options.canary_version or options.stable_version):
        return Destinations(options.version_header, "", "")
    return versions_of(options) or PODS


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no address: it begins with http:// or https://")
    return text


def _own_namespace() -> str | None:
    file = SERVICE_ACCOUNT / "namespace"
    return file.read_text(encoding="utf-8").strip() if file.exists() else None


def _expectation(program: str, tested: list[str]) -> Expectation:
    """Return what the load test's options state apart from the weights, which come from the engine's object."""
    parser = argparse.ArgumentParser(prog=f"{program} serve ... --", allow_abbrev=False)
    add_expectation(parser)
    add_slowness(parser)
    for option in ("--expect-canary", "--next-weight"):
        if any(word.split("=")[0] == option for word in tested):
            parser.error(f"{option} comes from the engine's object: leave it out")
    return expectation_of(parser.parse_args([*ANY_WEIGHT, *tested]))


def _load(options: argparse.Namespace, more: list[str]) -> int:
    names = destinations_of(options)
    command = [
        *(sys.executable, "-m", "canary_loadtest", "locust", "--headless", "--only-summary"),
        *("--host", options.host, "--users", str(options.users), "--spawn-rate", str(options.users)),
        *("--max-rate", f"{options.max_rate:g}", "--destination-header", names.header),
        *("--canary-destination", names.canary, "--stable-destination", names.stable),
        *(["--host-header", options.host_header] if options.host_header else []),
        *more,
    ]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    load(options.gate.rstrip("/"), Target(options.host, options.host_header, names), command, stop)
    return 0
