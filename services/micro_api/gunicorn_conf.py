"""gunicorn's settings: `python -m micro_api`, or `gunicorn -c services/micro_api/gunicorn_conf.py` from any directory.

gunicorn executes this file by itself, not as part of the package, so the package is imported by the name of its folder.
Every name here that is a setting of gunicorn is used. Nothing listens before the environment has been checked.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

    from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]  # gunicorn has no types
    from gunicorn.workers.base import Worker  # type: ignore[import-untyped]  # as above

    from . import settings
    from .settings import Settings

EXIT_BAD_SETTING = 2

_FOLDER = Path(__file__).resolve().parent
_PACKAGE = _FOLDER.name
if str(_FOLDER.parent) not in sys.path:
    sys.path.insert(0, str(_FOLDER.parent))
if not TYPE_CHECKING:
    settings = import_module(f"{_PACKAGE}.settings")


def _stop(problem: str) -> "NoReturn":
    print(problem, file=sys.stderr)
    sys.exit(EXIT_BAD_SETTING)


def _read_settings() -> "Settings":
    try:
        return settings.Settings.from_env()
    except settings.SettingsError as error:
        _stop(str(error))


_SETTINGS = _read_settings()

# When it is imported, prometheus_client chooses between one process and several by the presence of these; workers
# import it after this line. The second is the old name, which it still reads.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
os.environ.pop("prometheus_multiproc_dir", None)
if _SETTINGS.metrics_directory is not None:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_SETTINGS.metrics_directory)

wsgi_app = f"{_PACKAGE}.app:create_app()"
bind = _SETTINGS.bind
workers = _SETTINGS.workers
threads = _SETTINGS.threads
# Of threads, which drain at SIGTERM: gevent would wait for idle connections until it is killed.
worker_class = f"{_PACKAGE}.worker.Worker"
graceful_timeout = _SETTINGS.graceful_timeout_seconds
keepalive = _SETTINGS.keepalive_seconds
loglevel = _SETTINGS.log_level
logger_class = f"{_PACKAGE}.logs.GunicornLogger"  # by name, since `__main__` imports this file before gunicorn
# A sidecar connects from 127.0.0.1, which gunicorn trusts: it would take path and scheme from any client's headers,
# and answer 500 when they do not fit. The service needs neither.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
accesslog = None  # the service writes its own line for each request
# Places that gunicorn writes to by default; a read-only root file system has neither.
worker_tmp_dir = str(settings.SHARED_MEMORY) if settings.SHARED_MEMORY.is_dir() else None
control_socket_disable = True


def on_starting(server: "Arbiter") -> None:
    """Prepare an empty folder for the workers' metrics, once, before anything listens.

    Args:
        server: gunicorn's master, with the settings of the command line applied.
    """
    if server.cfg.workers != _SETTINGS.workers:
        _stop(
            f"--workers {server.cfg.workers} contradicts WEB_CONCURRENCY={_SETTINGS.workers}: set the number of "
            "workers with WEB_CONCURRENCY only, because the metrics depend on it"
        )
    if server.cfg.is_ssl:
        _stop("--certfile and --keyfile are not supported: the service speaks plain HTTP, let a proxy in front end TLS")
    directory = _SETTINGS.metrics_directory
    if directory is None:
        return
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Counters of an earlier run would continue, and each restart would add files. Only files of
        # prometheus_client are deleted: the folder may be shared by mistake.
        for file in directory.glob("*.db"):
            file.unlink()
    except OSError as error:
        _stop(
            f"PROMETHEUS_MULTIPROC_DIR={directory} cannot be prepared ({error.strerror}): set it to a writable folder"
        )


def child_exit(_server: "Arbiter", worker: "Worker") -> None:
    """Remove an ended worker from the gauges; its counts stay.

    Args:
        worker: the worker that has ended.
    """
    if _SETTINGS.metrics_directory is None:
        return
    # Not at the top: it must not be imported before the environment is set.
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see above

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # of the library
