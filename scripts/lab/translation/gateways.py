"""Reading a Gateway."""

from typing import Final

from scripts.lab.translation import names
from scripts.lab.translation.endpoints import HIGHEST_PORT
from scripts.lab.translation.fields import Field, Form
from scripts.lab.translation.readers import LABEL_KEY, LABEL_VALUE
from scripts.lab.translation.resources import Gateway, Meta, Server

_PROTOCOL: Final = Form(r"[A-Za-z0-9-]+", "a protocol such as HTTP or HTTPS")
_PORT_NAME: Final = Form(r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?", "a name of letters, digits and hyphens")
# What the certificate and the client's are: the lab serves in plain.
_TLS: Final = (
    *("httpsRedirect", "mode", "serverCertificate", "privateKey", "caCertificates", "credentialName"),
    *("credentialNames", "caCertCredentialName", "subjectAltNames", "verifyCertificateSpki", "verifyCertificateHash"),
    *("minProtocolVersion", "maxProtocolVersion", "cipherSuites", "caCrl", "tlsCertificates"),
)
_NEEDS_ADDRESS: Final = "the lab listens on 127.0.0.1 only: leave it out"


def gateway(meta: Meta, spec: Field) -> Gateway:
    """Return the Gateway of a manifest; any selector stands for the lab's one Envoy."""
    fields = spec.record(["servers"], ["selector"])
    selector = fields["selector"].texts(LABEL_KEY, LABEL_VALUE) if "selector" in fields else {}
    return Gateway(meta, tuple(_server(item) for item in fields["servers"].items()), selector)


def _server(field: Field) -> Server:
    fields = field.record(
        ["port", "hosts"],
        ["name", "tls"],
        {"bind": _NEEDS_ADDRESS, "defaultEndpoint": "Istio does not carry it out: leave it out"},
    )
    port = fields["port"].record(["number", "protocol"], ["name", "targetPort"])
    tls = fields["tls"].record([], _TLS) if "tls" in fields else {}
    hosts = tuple(item.text(names.SERVER_HOST) for item in fields["hosts"].items())
    return Server(
        port=port["number"].whole_number(1, HIGHEST_PORT),
        port_name=port["name"].text(_PORT_NAME) if "name" in port else "",
        protocol=port["protocol"].text(_PROTOCOL).upper(),
        hosts=hosts,
        tls_mode=tls["mode"].text(_PROTOCOL_MODE) if "mode" in tls else ("SIMPLE" if "credentialName" in tls else ""),
        https_redirect="httpsRedirect" in tls and tls["httpsRedirect"].truth(),
    )


_PROTOCOL_MODE: Final = Form(
    "PASSTHROUGH|SIMPLE|MUTUAL|AUTO_PASSTHROUGH|ISTIO_MUTUAL|OPTIONAL_MUTUAL",
    "PASSTHROUGH, SIMPLE, MUTUAL, AUTO_PASSTHROUGH, ISTIO_MUTUAL or OPTIONAL_MUTUAL",
)
