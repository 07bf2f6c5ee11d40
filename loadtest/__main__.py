"""`python -m loadtest judge`: the verdict without Locust."""

import sys

from .judge import exit_with_usage, main

if sys.argv[1:2] != ["judge"]:
    exit_with_usage()
sys.exit(main(sys.argv[2:]))
