"""`python -m micro_api`: the service under gunicorn, with the environment checked before gunicorn looks at it.

gunicorn reads `WEB_CONCURRENCY` when it is imported, and one that is no number ends there with a traceback. So
the check comes first and gunicorn takes this process's place after it. Further arguments go to gunicorn.
"""

import os
import sys

from . import gunicorn_conf  # when imported, it checks the environment and exits with 2 on a bad value

_COMMAND = [sys.executable, "-m", "gunicorn", "-c", gunicorn_conf.__file__, *sys.argv[1:]]
os.execv(_COMMAND[0], _COMMAND)  # noqa: S606  # no shell: the arguments reach gunicorn as they came
