"""The options that the load test adds to Locust's own, and those that the judge shares with it."""

import argparse
import math
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final

from canary_loadtest.core.answer import DESTINATION_HEADER, ROUTE_HEADER, Destinations
from canary_loadtest.core.expectation import (
    DEFAULT_ALPHA,
    DEFAULT_ALPHA_STOP,
    DEFAULT_LEAK_POINTS,
    DEFAULT_MAX_ERRORS_ONE_WAY_PERCENT,
    DEFAULT_MAX_ERRORS_PERCENT,
    DEFAULT_NEXT_WEIGHT_PERCENT,
    DEFAULT_TOLERANCE_POINTS,
    Expectation,
)
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.slowness import DEFAULT_PERCENTILE, DEFAULT_RATIO, Slowness
from canary_loadtest.file_options import add_outputs, writable_file
from canary_loadtest.metrics_options import add_metrics

OWN_HEADERS: Final = frozenset({"accept-encoding", "connection", "content-length", "transfer-encoding"})
# What Locust asks an option for before it shows it in the start form.
START_FORM: Final = {"include_in_web_ui": True, "is_secret": False, "is_required": False, "is_multiple": False}
HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
ANY_SHARE: Final = partial(Expectation, canary_percent=0.0)
ROUTE_HELP: Final = f"count only answers whose {ROUTE_HEADER} header is NAME (default: any single route)"


def _number(text: str) -> float:
    """Parse a number, for argparse."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _checked(field: str, kind: Callable[..., object] = ANY_SHARE, unit: str = "%") -> Callable[[str], float]:
    """Return an argparse type that takes what a class allows for `field`, with its unit or without."""

    def number(text: str) -> float:
        value = _number(text.removesuffix(unit).strip())
        try:
            kind(**{field: value})
        except ExpectationError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return value

    return number


def rate(text: str) -> float:
    """Return a number of requests per second.

    Raises:
        argparse.ArgumentTypeError: it is not a number, or not above 0.
    """
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"the rate is {text}: give requests per second, above 0")
    return value


def header(text: str) -> str:
    """Return a request header as `NAME: VALUE`.

    Raises:
        argparse.ArgumentTypeError: it is not one, or one that the load test sets itself.
    """
    name, _, value = text.partition(":")
    value = value.strip()
    if not HEADER_NAME.fullmatch(name) or not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]+", value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a header: write 'NAME: VALUE'")
    if name.lower() == "host":
        raise argparse.ArgumentTypeError("the Host header has an option of its own: --host-header HOST")
    if name.lower() in OWN_HEADERS:
        raise argparse.ArgumentTypeError(f"the load test sets the header {name} itself")
    return f"{name}: {value}"


def host_header(text: str) -> str:
    """Return a value for the Host header: a name or an address, and perhaps a port.

    Raises:
        argparse.ArgumentTypeError: it has a character that no such value has.
    """
    if text and not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host: write HOST or HOST:PORT")
    return text


def headers_of(options: argparse.Namespace) -> dict[str, str]:
    """Return the headers that the options add to each request; those of one name are joined."""
    headers: dict[str, str] = {}
    for line in options.header or []:
        name, _, value = line.partition(": ")
        known = next((other for other in headers if other.lower() == name.lower()), None)
        if known is None:
            headers[name] = value
        else:
            headers[known] += f"{'; ' if name.lower() == 'cookie' else ', '}{value}"
    return headers


def certificates_file(text: str) -> str:
    """Return the absolute path of a file with the certificates of authorities.

    Raises:
        argparse.ArgumentTypeError: it cannot be read, or has no certificate.
    """
    import ssl  # noqa: PLC0415 - Locust patches it, which must come before its first import

    file = Path(text).absolute()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise argparse.ArgumentTypeError(f"{text} has no certificate in PEM form") from None
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error.strerror}") from None
    return str(file)


def add_expectation(
    parser: Any,  # noqa: ANN401 - a parser or a group: argparse has no public name for both
    env_prefix: str | None = None,
    *,
    required: bool = False,
) -> list[argparse.Action]:
    """Add the options that state an expectation to an argparse (or Locust) parser.

    Args:
        parser: the parser, or a group of one.
        env_prefix: prefix of the environment variables that set them, None where the parser knows none.
        required: whether `--expect-canary` must be given.

    Returns:
        The options.
    """

    def env(name: str) -> dict[str, str]:
        return {} if env_prefix is None else {"env_var": env_prefix + name}

    expect_canary = parser.add_argument(
        "--expect-canary",
        type=_checked("canary_percent"),
        metavar="PERCENT",
        required=required,
        help="configured share of the canary in percent: 30 for weights 70/30",
        **env("EXPECT_CANARY"),
    )
    tolerance = parser.add_argument(
        "--tolerance",
        type=_checked("tolerance_points"),
        metavar="POINTS",
        help=(
            "margin in percentage points: a split off by this much must not pass"
            f" (default {DEFAULT_TOLERANCE_POINTS:g} or half of the smaller share, if that is less;"
            f" {DEFAULT_LEAK_POINTS:g} where 0 or 100 is expected)"
        ),
        **env("TOLERANCE"),
    )
    max_errors = parser.add_argument(
        "--max-errors",
        type=_checked("max_errors_percent"),
        metavar="PERCENT",
        help=(
            "most errors with which a split is confirmed, in percent of what the canary should have answered (default"
            f" {DEFAULT_MAX_ERRORS_PERCENT:g} with --only-split, else none), or of all answers where 0 or 100 is"
            f" expected (default {DEFAULT_MAX_ERRORS_ONE_WAY_PERCENT:g})"
        ),
        **env("MAX_ERRORS"),
    )
    next_weight = parser.add_argument(
        "--next-weight",
        type=_checked("next_weight_percent"),
        metavar="PERCENT",
        help=(
            "the canary's weight that a go-ahead is for: it may err at most so much more often than stable that 1 point"
            f" of all requests is at stake there (default {DEFAULT_NEXT_WEIGHT_PERCENT:g})"
        ),
        **env("NEXT_WEIGHT"),
    )
    margin = parser.add_argument(
        "--margin",
        type=_checked("margin_told"),
        metavar="POINTS",
        help="by how many percentage points the canary may err more often than stable (default: 100 / next weight)",
        **env("MARGIN"),
    )
    only_split = parser.add_argument(
        "--only-split",
        action="store_true",
        help="judge the split alone, not whether the canary is fit to get more",
        **env("ONLY_SPLIT"),
    )
    alpha = parser.add_argument(
        "--alpha",
        type=_checked("alpha"),
        default=DEFAULT_ALPHA,
        metavar="PROBABILITY",
        help="maximum probability of confirming a split that is off by the tolerance, and a canary that is worse by the"
        f" margin (default {DEFAULT_ALPHA:g})",
        **env("ALPHA"),
    )
    alpha_stop = parser.add_argument(
        "--alpha-stop",
        type=_checked("alpha_stop"),
        default=DEFAULT_ALPHA_STOP,
        metavar="PROBABILITY",
        help="maximum probability of refuting a correct split with a canary that is no worse"
        f" (default {DEFAULT_ALPHA_STOP:g})",
        **env("ALPHA_STOP"),
    )
    return [expect_canary, tolerance, next_weight, margin, only_split, max_errors, alpha, alpha_stop]


def add_slowness(
    parser: Any,  # noqa: ANN401 - a parser or a group: argparse has no public name for both
    env_prefix: str | None = None,
) -> argparse.Action:
    """Add the options for comparing the canary's latency, too, and return the first one; see `add_expectation`."""

    def env(name: str) -> dict[str, str]:
        return {} if env_prefix is None else {"env_var": env_prefix + name}

    max_slowdown: argparse.Action = parser.add_argument(
        "--max-slowdown",
        type=_checked("ratio", Slowness, unit=""),
        metavar="TIMES",
        help=(
            "compare the latency, too: a canary that takes this many times as long as stable must not pass, such as"
            f" {DEFAULT_RATIO:g} (default: only errors are compared)"
        ),
        **env("MAX_SLOWDOWN"),
    )
    parser.add_argument(
        "--slow-percentile",
        type=_checked("percentile", Slowness, unit=""),
        metavar="PERCENT",
        help=f"the percentile of stable's times that --max-slowdown is about (default {DEFAULT_PERCENTILE:g})",
        **env("SLOW_PERCENTILE"),
    )
    parser.add_argument(
        "--slow-above",
        type=_checked("milliseconds", Slowness, unit=""),
        metavar="MILLISECONDS",
        help="a time of your own for --max-slowdown, in place of a percentile of stable's times",
        **env("SLOW_ABOVE"),
    )
    return max_slowdown


def slowness_of(options: argparse.Namespace) -> Slowness | None:
    """Return how much slower the canary may be, None where its latency is not compared.

    Raises:
        ExpectationError: a value is outside of its range, or has no effect.
    """
    ratio, percentile = _number_of(options, "max_slowdown"), _number_of(options, "slow_percentile")
    milliseconds = _number_of(options, "slow_above")
    if ratio is None and (percentile is not None or milliseconds is not None):
        raise ExpectationError("--slow-percentile and --slow-above have no effect without --max-slowdown")
    if percentile is not None and milliseconds is not None:
        raise ExpectationError("--slow-percentile and --slow-above both say what is slow: give one of them")
    if ratio is None:
        return None
    return Slowness(ratio, DEFAULT_PERCENTILE if percentile is None else percentile, milliseconds)


def _number_of(options: argparse.Namespace, name: str) -> float | None:
    """Return the number that an option has, None where it has none; Locust's web UI passes on any text.

    Raises:
        ExpectationError: it is not a number.
    """
    value = getattr(options, name, None)
    try:
        return None if value in {None, ""} else float(str(value).removesuffix("%"))
    except ValueError:
        raise ExpectationError(f"{name} is {value!r}: give a number") from None


def add_destinations(
    parser: Any,  # noqa: ANN401 - a parser or a group: argparse has no public name for both
    env_prefix: str | None = None,
) -> None:
    """Add the options that say how answers name the version that the proxy drew; see `add_expectation`."""

    def add(flag: str, **more: Any) -> None:  # noqa: ANN401 - what argparse takes
        env = {} if env_prefix is None else {"env_var": env_prefix + flag.removeprefix("--").replace("-", "_").upper()}
        parser.add_argument(flag, **more, **env)

    add(
        "--destination-header",
        type=header_name,
        default=DESTINATION_HEADER,
        metavar="NAME",
        help=f"response header that names the version, on errors too (default {DESTINATION_HEADER})",
    )
    for version in Destinations()[1:]:
        add(
            f"--{version}-destination",
            default=version,
            metavar="VALUE",
            help=f"its value for the {'canary' if version == 'canary' else 'stable version'} (default {version})",
        )


def add_versions(
    parser: Any,  # noqa: ANN401 - a parser or a group: argparse has no public name for both
    env_prefix: str | None = None,
) -> None:
    """Add the options that take the version of a right answer from a header; see `add_expectation`."""
    for flag, kind, metavar, text in (
        ("--version-header", header_name, "NAME", "take the version of a right answer from this response header"),
        ("--canary-version", str, "VALUE", "its value for the canary; micro-api-5f7c-* stands for all that begin so"),
        ("--stable-version", str, "VALUE", "its value for the stable version; where both fit, the longer one counts"),
    ):
        env = {} if env_prefix is None else {"env_var": env_prefix + flag.removeprefix("--").replace("-", "_").upper()}
        parser.add_argument(flag, type=kind, metavar=metavar, help=text, **env)


def versions_of(options: argparse.Namespace) -> Destinations | None:
    """Return how right answers name the version that they are from, None where their classifier says it.

    Raises:
        ExpectationError: one of the three options is missing, or both versions have the same value.
    """
    header, canary, stable = options.version_header, options.canary_version, options.stable_version
    if not any((header, canary, stable)):
        return None
    if not all((header, canary, stable)):
        raise ExpectationError("--version-header, --canary-version and --stable-version go together: give all three")
    if canary == stable:
        raise ExpectationError(f"--canary-version and --stable-version are both {canary}: give two values")
    return Destinations(header, canary, stable)


def header_name(text: str) -> str:
    """Return the name of a header in lower case.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not HEADER_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a header")
    return text.lower()


def destinations_of(options: argparse.Namespace) -> Destinations:
    """Return how answers name the version that the proxy drew.

    Raises:
        ExpectationError: both versions have the same value.
    """
    canary, stable = options.canary_destination, options.stable_destination
    if canary == stable:
        raise ExpectationError(f"--canary-destination and --stable-destination are both {canary}: give two values")
    return Destinations(options.destination_header, canary, stable)


def _show_in_start_form(actions: Iterable[argparse.Action]) -> None:
    """Have Locust's web UI ask for options; it does so by itself only for those outside of a group."""
    for action in actions:
        for name, value in START_FORM.items():
            setattr(action, name, value)


def expectation_of(options: argparse.Namespace) -> Expectation:
    """Return the expectation that the parsed options state.

    Raises:
        ExpectationError: a value is not a number or outside of its range; only Locust's web UI passes such values on.
    """

    def number(name: str) -> float | None:
        return _number_of(options, name)

    def is_set(name: str) -> bool:
        return getattr(options, name) in {True, "true", "on"}

    canary_percent, alpha, alpha_stop = number("expect_canary"), number("alpha"), number("alpha_stop")
    next_weight_percent = number("next_weight")
    if next_weight_percent is None:
        next_weight_percent = DEFAULT_NEXT_WEIGHT_PERCENT
    if canary_percent is None:
        raise ExpectationError("the expected share is missing: give a percentage from 0 to 100")
    return Expectation(
        canary_percent,
        number("tolerance"),
        DEFAULT_ALPHA if alpha is None else alpha,
        DEFAULT_ALPHA_STOP if alpha_stop is None else alpha_stop,
        number("max_errors"),
        None if is_set("only_split") else next_weight_percent,
        number("margin"),
        slowness_of(options),
        getattr(options, "release_steps", 1),
    )


def add_locust_options(parser: argparse.ArgumentParser) -> None:
    """Add all options of the load test to Locust's parser."""
    group = parser.add_argument_group("Canary split", "Expected answers, and how to ask for them")
    shown = [*add_expectation(group, "LOCUST_"), add_slowness(group, "LOCUST_")]
    route = group.add_argument(
        "--route",
        metavar="NAME",
        env_var="LOCUST_ROUTE",
        help=ROUTE_HELP,
    )
    _show_in_start_form([*shown, route])
    add_destinations(group, "LOCUST_")
    add_versions(group, "LOCUST_")
    group.add_argument(
        "--host-header",
        type=host_header,
        metavar="HOST",
        env_var="LOCUST_HOST_HEADER",
        help="Host header to send, such as micro-api.default.svc.cluster.local",
    )
    group.add_argument(
        "--header",
        action="append",
        type=header,
        metavar="'NAME: VALUE'",
        env_var="LOCUST_HEADER",
        help="header to send with each request; may be repeated",
    )
    group.add_argument(
        "--ca-file",
        type=certificates_file,
        metavar="FILE",
        env_var="LOCUST_CA_FILE",
        help="verify https certificates against the authorities in FILE (PEM) and not the system's",
    )
    group.add_argument(
        "--insecure",
        action="store_true",
        env_var="LOCUST_INSECURE",
        help=(
            "accept any https certificate, such as a self-signed one; no effect on a class with an ssl_context_factory"
        ),
    )
    group.add_argument(
        "--max-rate",
        type=rate,
        metavar="REQUESTS_PER_SECOND",
        env_var="LOCUST_MAX_RATE",
        help="maximum number of requests per second, over all users and workers (default: no limit)",
    )
    group.add_argument(
        "--keep-alive",
        action="store_true",
        env_var="LOCUST_KEEP_ALIVE",
        help=(
            "reuse each connection for 20 answers, which is faster. Only behind a proxy that picks a version for each"
            " request, such as Envoy: a Kubernetes Service picks once for each connection, which is INCONCLUSIVE"
        ),
    )
    group.add_argument(
        "--keep-going",
        action="store_true",
        env_var="LOCUST_KEEP_GOING",
        help="run until --run-time, not only to the verdict; later answers may refute it",
    )
    group.add_argument(
        "--release",
        type=writable_file,
        metavar="FILE",
        env_var="LOCUST_RELEASE",
        help="go on with the counts of earlier steps of a release that FILE has, and keep it up to date",
    )
    group.add_argument(
        "--release-steps",
        type=int,
        default=1,
        metavar="COUNT",
        env_var="LOCUST_RELEASE_STEPS",
        help="how many weights between 0 and 100 the release has; --alpha-stop holds for all of it (default 1)",
    )
    add_outputs(group, "LOCUST_", of_a_run=True)
    add_metrics(group, "LOCUST_")
    # A person who can reach the web UI can send load anywhere from this machine: --web-host '*' for all interfaces.
    parser.set_defaults(web_host="127.0.0.1")
