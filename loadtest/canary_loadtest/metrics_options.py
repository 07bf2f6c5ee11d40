"""The options for the metrics that the load test serves to Prometheus while it runs."""

import argparse
import math
from typing import Any, Final

LOOPBACK: Final = "127.0.0.1"
LAST_PORT: Final = 65535


def port(text: str) -> int:
    """Return a TCP port, 0 for any free one.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number up to {LAST_PORT}, 0 for a free one")
    return int(text)


def address(text: str) -> str:
    """Return an address to listen at.

    Raises:
        argparse.ArgumentTypeError: it is empty, which would be any.
    """
    if not text:
        raise argparse.ArgumentTypeError(f"an empty text is no address: give one such as {LOOPBACK}, or '*' for all")
    return text


def seconds(text: str) -> float:
    """Return a time in seconds.

    Raises:
        argparse.ArgumentTypeError: it is not a number, or below 0.
    """
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: give seconds, such as 10")
    return value


def add_metrics(parser: Any, env_prefix: str) -> None:  # noqa: ANN401 - argparse has no public name for a group
    """Add the options to an argparse parser or group.

    Args:
        parser: the parser, or a group of one.
        env_prefix: prefix of the environment variables that set them.
    """
    parser.add_argument(
        "--metrics-port",
        type=port,
        metavar="PORT",
        env_var=f"{env_prefix}METRICS_PORT",
        help="serve metrics for Prometheus at http://127.0.0.1:PORT/metrics until the end of the run; no worker does",
    )
    parser.add_argument(
        "--metrics-host",
        type=address,
        default=LOOPBACK,
        metavar="ADDRESS",
        env_var=f"{env_prefix}METRICS_HOST",
        help=f"address to serve them at, '*' for all of IPv4, :: for all (default {LOOPBACK})",
    )
    parser.add_argument(
        "--metrics-wait",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        env_var=f"{env_prefix}METRICS_WAIT",
        help=(
            "wait at the end until the verdict has been read, at most SECONDS: Prometheus's scrape interval and a"
            " little more; where nothing reads, at most SECONDS from the start (default 0)"
        ),
    )
