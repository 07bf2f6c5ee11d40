"""The client goes where it is told to: addresses, https and its certificates, proxies, Locust's own attributes."""

import ssl
import subprocess
from pathlib import Path

import pytest

from tests.loadtest.locust_process import run, run_until_held
from tests.loadtest.server import serving
from tests.loadtest.traffic import held_after, split

NAME = "shop.test"
CERTIFICATE_FOR = "subjectAltName=DNS:shop.test,IP:127.0.0.1"
OTHER_CERTIFICATE_FOR = "subjectAltName=DNS:other.test"


def certified(folder: Path, names: str) -> tuple[ssl.SSLContext, Path]:
    """Return the context of a server with a self-signed certificate for names, and the certificate's file."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext"]
    subprocess.run([*command, names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def user_with(folder: Path, *attributes: str) -> Path:
    """Return a locustfile whose class has attributes on top of the usual ones."""
    locustfile = folder / "own.py"
    body = "".join(f"    {line}\n" for line in attributes)
    locustfile.write_text(
        f"import ssl\nfrom canary_loadtest import CanaryUser\nclass Own(CanaryUser):\n{body}", encoding="utf-8"
    )
    return locustfile


OWN_CONTEXT = "ssl_context_factory = staticmethod(lambda: ssl._create_unverified_context())"


@pytest.mark.parametrize(
    ("names", "options", "attribute", "trusted"),
    [
        (CERTIFICATE_FOR, "", "pass", False),
        (CERTIFICATE_FOR, "--insecure", "pass", True),
        (CERTIFICATE_FOR, "", "insecure = True", True),
        (CERTIFICATE_FOR, "", OWN_CONTEXT, True),
        (CERTIFICATE_FOR, "--ca-file certificate.pem", "pass", True),
        (CERTIFICATE_FOR, f"--ca-file certificate.pem --host-header {NAME}:443", "pass", True),
        (OTHER_CERTIFICATE_FOR, "--ca-file certificate.pem", "pass", False),
        (OTHER_CERTIFICATE_FOR, f"--ca-file certificate.pem --host-header {NAME}", "pass", False),
        (OTHER_CERTIFICATE_FOR, "--ca-file certificate.pem --host-header other.test", "pass", True),
    ],
)
def test_certificate_is_verified_unless_told_otherwise(
    tmp_path: Path,
    names: str,
    options: str,
    attribute: str,
    trusted: bool,  # noqa: FBT001 - a parameter of the case
) -> None:
    """An https server is asked only where its certificate is trusted and for its name, or where none is wanted."""
    context, _ = certified(tmp_path, names)
    with serving(split(3), tls=context) as server:
        options = f"--host {server.url} --expect-canary 30 --tolerance 10 {options}"
        ended = run(tmp_path, options, locustfile=user_with(tmp_path, attribute))
    assert (ended.exit_code == 0) is trusted, ended.stderr
    assert bool(server.heads) is trusted
    if not trusted:
        assert set(ended.taken) == {"tls_error"}
        assert "SSLCertVerificationError(" in ended.stderr


def test_proxy_of_the_class_is_asked(tmp_path: Path) -> None:
    """A proxy that the class names gets every request, and the server behind it is not asked past it."""
    with serving(split(0)) as server, serving(split(3)) as proxy:
        port = int(proxy.url.rpartition(":")[2])
        locustfile = user_with(tmp_path, "proxy_host = '127.0.0.1'", f"proxy_port = {port}")
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code == 0, ended.stderr
    assert proxy.heads[0].startswith(f"GET {server.url}/test/test ")
    assert server.connections == 0


@pytest.mark.live
def test_name_without_an_address_is_named(tmp_path: Path) -> None:
    """A name that is not known is neither a refused connection nor an unknown error."""
    ended = run(tmp_path, "-t 12s --host http://no-such-name.invalid --expect-canary 30")
    assert set(ended.taken) == {"name_not_resolved"}
    assert "gaierror(" in ended.stderr


@pytest.mark.parametrize("attribute", ["network_timeout = 0.3", "max_retries = 5"])
def test_attribute_of_the_class_is_kept_and_each_request_sent_once(tmp_path: Path, attribute: str) -> None:
    """A shorter time of Locust's own is kept to, and no attribute makes the client ask twice."""
    locustfile = user_with(tmp_path, attribute, "timeout_seconds = 2")
    hanging, right = held_after(0, split(3)), split(3)
    with serving(lambda request: (hanging if request.number == 5 else right)(request)) as server:
        ended = run(tmp_path, f"-t 8s --host {server.url} --expect-canary 30", locustfile=locustfile)
    assert ended.exit_code == 0, ended.stderr
    assert ended.counts["other_by_kind"] == {"timeout": 1}
    assert server.sent["held"] == 1


def test_headers_of_the_options_are_sent(tmp_path: Path) -> None:
    """--header may be repeated, its value may have colons, and one header may come from the environment."""
    with serving(held_after(1, split(3))) as server:
        options = "--expect-canary 30 --header X-User:a:b --header cookie:a=1 --header Cookie:b=2"
        run_until_held(tmp_path, server, options)
    lines = server.heads[0].splitlines()
    assert "X-User: a:b" in lines
    assert "cookie: a=1; b=2" in lines


def test_header_of_the_environment_is_sent(tmp_path: Path) -> None:
    """LOCUST_HEADER is one header, also with commas in it."""
    with serving(split(3)) as server:
        ended = run(
            tmp_path,
            f"--host {server.url} --expect-canary 30",
            environment={"LOCUST_HEADER": "Authorization: Bearer a, b"},
        )
    assert ended.exit_code == 0, ended.stderr
    assert all("Authorization: Bearer a, b" in head for head in server.heads)


def test_default_headers_of_the_class_are_sent(tmp_path: Path) -> None:
    """The class's own headers go with each request."""
    locustfile = user_with(tmp_path, "default_headers = {'x-tenant': 'blue'}")
    with serving(held_after(1, split(3))) as server:
        run_until_held(tmp_path, server, "--expect-canary 30", locustfile=locustfile)
    assert "x-tenant: blue" in server.heads[0].lower()


@pytest.mark.parametrize(("tail", "path"), [("/", "/test/test"), ("//", "/test/test"), ("/shop/", "/shop/test/test")])
def test_address_may_end_in_a_slash_and_have_a_path(tmp_path: Path, tail: str, path: str) -> None:
    """An address as a browser shows it is asked for the path under it, with one slash between."""
    with serving(split(3)) as server:
        ended = run(tmp_path, f"--host {server.url}{tail} --expect-canary 30")
    assert ended.exit_code == 0, ended.stderr
    assert server.heads[0].startswith(f"GET {path} ")


def test_address_in_the_class_is_enough(tmp_path: Path) -> None:
    """A class with a host needs no --host, as everywhere in Locust."""
    with serving(split(3)) as server:
        locustfile = user_with(tmp_path, f"host = '{server.url}/'")
        ended = run(tmp_path, "--expect-canary 30", locustfile=locustfile)
    assert ended.exit_code == 0, ended.stderr
