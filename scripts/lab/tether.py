"""Become a program that the kernel ends together with its parent, however the parent ends. Linux only.

`processes.spawn` runs this file as a script in front of the program: only a process itself can ask the kernel for
this, and what it asks for outlives `exec`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent_pid: int, argv: list[str]) -> None:
    """Ask to be ended with the process `parent_pid`, then become the program `argv`, whose first part is its path."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # it ended before the kernel was asked
        sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606 - no shell is wanted: the program takes over this process and its id


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
