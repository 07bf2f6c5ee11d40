"""Become a program that the kernel ends together with its parent, even if the parent is killed. Linux only.

It is a script of its own, in front of the program: only a process itself can ask the kernel for this, and the setting
survives `exec`.
"""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def main(parent_pid: int, argv: list[str]) -> None:
    """Ask to be ended with the process `parent_pid`, then become the program `argv`, whose first item is its path."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # it ended before the kernel was asked
        sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606 - no shell: the program takes over this process and its id


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
