"""`python loadtest judge` and `python loadtest locust`: the commands from a copy of this folder, not installed."""

import sys

from canary_loadtest.__main__ import main

sys.exit(main("python loadtest"))
