"""gunicorn's settings: `python -m micro_api`, or `gunicorn -c services/micro_api/gunicorn_conf.py` from any directory.

gunicorn executes this file alone, not as part of the package, so the imports below are absolute; it takes
every name that is one of its settings. Nothing listens before the environment has been checked here.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if (_SERVICES := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, _SERVICES)

from micro_api.settings import SHARED_MEMORY, Settings, SettingsError

if TYPE_CHECKING:
    from typing import NoReturn

    from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]  # gunicorn has no types
    from gunicorn.workers.base import Worker  # type: ignore[import-untyped]  # as above

EXIT_BAD_SETTING = 2


def _stop(problem: str) -> "NoReturn":
    sys.stderr.write(f"{problem}\n")
    sys.exit(EXIT_BAD_SETTING)


def _read_settings() -> Settings:
    try:
        return Settings.from_env()
    except SettingsError as error:
        _stop(str(error))


_SETTINGS = _read_settings()

# prometheus_client chooses between one process and many when it is imported, by the mere presence of these;
# workers import it after this line. The second is the old name, which it still reads.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
os.environ.pop("prometheus_multiproc_dir", None)
if _SETTINGS.metrics_directory is not None:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_SETTINGS.metrics_directory)

wsgi_app = "micro_api.app:create_app()"
bind = _SETTINGS.bind
workers = _SETTINGS.workers
threads = _SETTINGS.threads
worker_class = "gthread"  # drains at SIGTERM; gevent waits for idle connections until it is killed
graceful_timeout = _SETTINGS.graceful_timeout_seconds
keepalive = _SETTINGS.keepalive_seconds
loglevel = _SETTINGS.log_level
logger_class = "micro_api.logs.GunicornLogger"  # by name: `__main__` imports this file before gunicorn
# A sidecar connects from 127.0.0.1, which gunicorn trusts: it would take path and scheme from any client's headers,
# and answer 500 where they do not fit. The service needs neither.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
accesslog = None  # the service writes its own line for each request
# Where gunicorn would write by itself; a read-only root file system has neither place.
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
control_socket_disable = True


def on_starting(server: "Arbiter") -> None:
    """Give the workers an empty folder for their metrics; runs once, before anything listens.

    Args:
        server: gunicorn's master, with the settings of the command line worked in.
    """
    if server.cfg.workers != _SETTINGS.workers:
        _stop(
            f"--workers {server.cfg.workers} contradicts WEB_CONCURRENCY={_SETTINGS.workers}: give the number of "
            "workers by WEB_CONCURRENCY only, since the metrics depend on it"
        )
    directory = _SETTINGS.metrics_directory
    if directory is None:
        return
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Counters of an earlier run would go on counting, and each restart would add files. Only what
        # prometheus_client writes is deleted: the folder may be given and shared by mistake.
        for file in directory.glob("*.db"):
            file.unlink()
    except OSError as error:
        _stop(
            f"PROMETHEUS_MULTIPROC_DIR={directory} cannot be prepared ({error.strerror}): set it to a writable folder"
        )


def child_exit(_server: "Arbiter", worker: "Worker") -> None:
    """Take a dead worker out of the gauges of the living; its counts stay.

    Args:
        worker: The worker that has ended, for whatever reason.
    """
    if _SETTINGS.metrics_directory is None:
        return
    # Not at the top: it must not be imported before the environment is set.
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # of the library
