"""The image of the service: both versions' bytes, confined, drained, watched, and nothing in it that need not be."""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from tests.images.containers import (
    TIMEOUT_SECONDS,
    build,
    container,
    execute,
    exit_code,
    get,
    is_ready,
    output,
    python,
    service,
)
from tests.support.processes import wait_until
from tests.support.repository import ROOT

pytestmark = pytest.mark.docker

PLAIN = '{"code":0,"data":"无依赖测试接口返回->OK!","message":"成功"}'.encode()
V3 = '{"code":0,"data":"V3|无依赖测试接口返回->OK!","message":"成功"}'.encode()


@pytest.mark.parametrize(
    ("tag", "version", "body"),
    [("1.0-SNAPSHOT", "v1", PLAIN), ("1.1-SNAPSHOT", "v1", PLAIN), ("1.3-SNAPSHOT", "v2", V3)],
)
def test_a_tag_answers_with_its_versions_bytes(
    engine: docker.DockerClient, tag: str, version: str, body: bytes
) -> None:
    """Each of the article's tags gives the contract's bytes of its version, and names itself as release."""
    with service(engine, tag) as running:
        status, headers, answered = get(running, "/test/test")
        assert (status, answered) == (200, body)
        assert headers["content-type"] == "application/json;charset=UTF-8"
        assert headers["x-service-version"] == version
        assert f'release="{tag}"' in get(running, "/metrics")[2].decode()


def test_the_process_has_no_rights(engine: docker.DockerClient) -> None:
    """It runs as a numeric user without capabilities, and can write neither program nor libraries."""
    with service(engine, "1.0-SNAPSHOT") as running:
        assert running.image is not None
        assert running.image.attrs["Config"]["User"] == "10001:10001"
        status = dict(
            line.split(":\t", 1) for line in python(running, "print(open('/proc/1/status').read())").splitlines()
        )
        assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4
        assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert status["NoNewPrivs"] == "1"
        code, written = execute(running, "touch", "/app/new", "/tmp/new")
        assert code == 1
        assert written.count("Read-only file system") == 2


def test_nothing_in_the_image_is_the_users(engine: docker.DockerClient) -> None:
    """Without a read-only root, too, the service could not change its own program: root owns it."""
    script = "import os; print([f for top in ('/app', '/venv') for f, *_ in os.walk(top) if os.access(f, os.W_OK)])"
    written = engine.containers.run("micro-api:1.0-SNAPSHOT", ["-c", script], entrypoint="python", remove=True)
    assert written == b"[]\n"


def test_sigterm_answers_what_is_in_flight(engine: docker.DockerClient) -> None:
    """Process 1 is gunicorn: SIGTERM lets the call that it is at get its whole answer, and ends it with 0."""
    with service(engine, "1.3-SNAPSHOT", SERVICE_DELAY_SECONDS="2") as running, ThreadPoolExecutor(1) as pool:
        assert "gunicorn" in python(running, "print(open('/proc/1/cmdline').read())")
        call = pool.submit(get, running, "/test/test")
        in_flight = b'http_requests_in_flight{version="v2"} 1.0'
        # The scrape itself is not a call.
        assert wait_until(lambda: in_flight in get(running, "/metrics")[2], TIMEOUT_SECONDS)
        running.kill("SIGTERM")
        status, _, body = call.result(TIMEOUT_SECONDS)
        assert (status, body) == (200, V3)
        assert exit_code(running) == 0


def test_the_engine_sees_that_it_is_healthy(engine: docker.DockerClient) -> None:
    """The health check of the image turns to healthy by itself."""

    def is_healthy() -> bool:
        running.reload()
        return bool(running.attrs["State"]["Health"]["Status"] == "healthy")

    with service(engine, "1.0-SNAPSHOT") as running:
        assert wait_until(is_healthy, TIMEOUT_SECONDS)


def test_the_health_check_fails_where_nothing_answers(engine: docker.DockerClient) -> None:
    """The same check says no when the service does not listen where it should, with any proxy set."""
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9091", "http_proxy": "http://127.0.0.1:9091"}
    environment = {"SERVICE_BIND": "127.0.0.1:9091", **proxy}
    with container(engine, "micro-api:1.0-SNAPSHOT", environment=environment) as running:
        assert wait_until(lambda: "Listening at" in output(running), TIMEOUT_SECONDS), output(running)
        assert running.image is not None
        kind, *command = running.image.attrs["Config"]["Healthcheck"]["Test"]
        assert kind == "CMD"
        assert execute(running, *command)[0] == 1


@pytest.mark.parametrize("tag", ["1.0-SNAPSHOT", "1.3-SNAPSHOT"])
def test_the_labels_say_what_it_is(engine: docker.DockerClient, tag: str) -> None:
    """Title, version, revision and licence are in the labels that every registry shows."""
    describe = ["git", "describe", "--always", "--abbrev=40", "--exclude=*"]
    revision = subprocess.run(describe, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    labels = engine.images.get(f"micro-api:{tag}").labels
    shown = {name: labels[f"org.opencontainers.image.{name}"] for name in ("title", "version", "licenses", "revision")}
    shown["revision"] = shown["revision"].removesuffix("-dirty")
    assert shown == {"title": "micro-api", "version": tag, "licenses": "MIT", "revision": revision}


def test_it_holds_the_sources_and_nothing_else_of_ours(engine: docker.DockerClient) -> None:
    """The package in the image is the folder's Python files and data, without tests, lock or Dockerfile."""
    folder = ROOT / "services" / "micro_api"
    files = [*folder.glob("*.py"), *folder.glob("page.*"), folder / "openapi.json"]
    sources = {path.name: path.read_bytes().hex() for path in files}
    script = (
        "import json, pathlib; folder = pathlib.Path('/app/service');"
        "print(json.dumps({f.name: f.read_bytes().hex() for f in folder.iterdir() if f.is_file()}))"
    )
    with service(engine, "1.0-SNAPSHOT") as running:
        assert json.loads(python(running, script)) == sources
        assert python(running, "import os; print(os.listdir('/app'))") == "['service']"


@pytest.mark.parametrize("interpreter", ["/venv/bin/python", "/usr/local/bin/python"])
def test_it_has_no_tools_to_build_with(engine: docker.DockerClient, interpreter: str) -> None:
    """Neither the service's Python nor the base image's can install or test, and no compiler is there."""
    script = (
        "import importlib.util, shutil;"
        "modules = ['pip', 'setuptools', 'pytest', 'locust'];"
        "commands = ['pip', 'pip3', 'gcc', 'cc', 'make'];"
        "print([m for m in modules if importlib.util.find_spec(m)], [c for c in commands if shutil.which(c)])"
    )
    with service(engine, "1.0-SNAPSHOT") as running:
        assert python(running, script, interpreter) == "[] []"


def test_a_bad_variable_ends_it_with_2(engine: docker.DockerClient) -> None:
    """A value that is not allowed is named with what is, and nothing listens."""
    with container(engine, "micro-api:1.0-SNAPSHOT", environment={"SERVICE_VERSION": "v3"}) as ended:
        assert exit_code(ended) == 2
        assert output(ended) == "SERVICE_VERSION='v3' is not allowed: set it to v1 or v2\n"


def test_several_workers_need_no_writable_folder(engine: docker.DockerClient) -> None:
    """With more than one worker the metrics are shared in memory: still read-only, and counted once."""
    with service(engine, "1.3-SNAPSHOT", WEB_CONCURRENCY="2") as running:
        assert get(running, "/test/test")[2] == V3
        counter = b'http_requests_total{method="GET",route="/test/test",status="200",version="v2"} 1.0'
        assert wait_until(lambda: counter in get(running, "/metrics")[2], TIMEOUT_SECONDS)


def test_a_copy_under_another_name_builds_and_answers(engine: docker.DockerClient, tmp_path: Path) -> None:
    """A copy of the folder with another name needs no change to become an image."""
    copy = shutil.copytree(ROOT / "services" / "micro_api", tmp_path / "shop-api")
    mirrors = [f"--build-arg={name}" for name in ("PIP_INDEX_URL", "BASE_IMAGE") if name in os.environ]
    built = build(str(copy), "--tag", "shop-api:test", *mirrors)
    assert built.returncode == 0, built.stderr
    try:
        with container(engine, "shop-api:test") as running:
            assert wait_until(lambda: is_ready(running), TIMEOUT_SECONDS), output(running)
            assert get(running, "/test/test")[2] == PLAIN
    finally:
        engine.images.remove("shop-api:test", force=True)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("SERVICE_VERSION=v3", "SERVICE_VERSION='v3' is not allowed: set it to v1 or v2"),
        ("PIP_INDEX_URL=file:///nowhere", "No matching distribution found for"),
        ("BASE_IMAGE=nowhere.invalid/python:0", "nowhere.invalid/python:0"),
    ],
)
def test_a_build_argument_is_used(argument: str, words: str) -> None:
    """A build argument that cannot work stops the build, which names it."""
    stopped = build("services/micro_api", "--build-arg", argument)
    assert stopped.returncode != 0
    assert words in stopped.stderr
