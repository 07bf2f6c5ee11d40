"""`python -m micro_api`: checks the environment, then replaces this process by gunicorn.

gunicorn reads `WEB_CONCURRENCY` when it is imported, and fails with a traceback if it is not a number: hence the check
before. Further arguments are passed to gunicorn.
"""

import os
import sys
from typing import Final

from . import gunicorn_conf  # when imported, it checks the environment and exits with 2 on a bad value

_COMMAND: Final = [sys.executable, "-m", "gunicorn", "-c", gunicorn_conf.__file__, *sys.argv[1:]]
os.execv(_COMMAND[0], _COMMAND)  # noqa: S606 - without a shell the arguments reach gunicorn unchanged
