"""What a user says of a cluster that the files do not: as options of commands, and in the words of their output."""

import argparse
from collections.abc import Mapping

from scripts.lab.terminal import wrapped
from scripts.lab.translation.assumptions import Assumptions


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options to a command's parser."""
    command.add_argument(
        "--assume-subsets", action="store_true", help="define undefined subsets by the label version: NAME"
    )
    command.add_argument("--assume-gateway", action="store_true", help="bind every VirtualService to the lab's gateway")
    command.add_argument(
        "--canary",
        metavar="NAME",
        help="the subset or Service that is the canary (default: canary or the newest version, else the least weight)",
    )


def of_options(options: argparse.Namespace) -> Assumptions:
    """Return what the parsed options say."""
    return Assumptions(options.assume_subsets, options.assume_gateway, options.canary)


def stand_in(canary: str | None, others: Mapping[str, bool]) -> list[str]:
    """Return what says which version stands for whose pods; nothing for micro-api itself.

    Args:
        canary: the canary's subset or Service, if it is somebody's.
        others: those for which v1 stands, and whether each shares its replicas with another one.
    """
    if not canary:
        return []
    stable = f", and v1 for {', '.join(others)}" if others else ""
    shared = ", ".join(name for name, is_shared in others.items() if is_shared)
    if not shared and len(others) > 1:
        stable += ", each with replicas of its own"
    said = f"v2 of micro-api stands for {canary}, the canary{stable}."
    return [wrapped(f"{said} {shared} share replicas: no answer says which of them it is from." if shared else said)]
