"""`python loadtest judge` and `python loadtest locust`: the commands from a copy of this folder, not installed."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older one reads this far, and gets a reason in place of a traceback
    sys.exit(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed, as in .venv/bin/python loadtest")

from canary_loadtest.__main__ import main

sys.exit(main("python loadtest"))
