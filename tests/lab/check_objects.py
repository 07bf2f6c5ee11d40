"""Faults of conditions, fields, files and HTTPRoutes, one for each rule of `lab check`."""

from typing import Final

from tests.lab.check_base import CONDITION, HTTP_ROUTE, RIGHT, UNREADABLE, Case

OBJECTS: Final = (
    Case(
        "a regex that is not for the whole value",
        CONDITION,
        CONDITION.replace("x-canary", "cookie").replace("exact", "regex"),
        ("regex",),
    ),
    Case("a star in an exact value", 'exact: "true"', 'exact: ".*"', ("regex",)),
    Case("a regex that Envoy does not know", 'exact: "true"', "regex: '(?!x).*'", ("regex-refused",), ("IST0106",)),
    Case("a regex that is not closed", 'exact: "true"', "regex: '['", ("regex-refused",), ("IST0106",)),
    Case("a header's value without exact", '\n              exact: "true"', ' "true"', ("wrong-type",), (UNREADABLE,)),
    Case(
        "a misspelt field",
        "subset: v1\n          weight",
        "subset: v1\n          weights",
        ("unknown-field", "weight-missing", "weights-sum"),
    ),
    Case(
        "a field at the wrong depth",
        "            subset: v1\n          weight: 90",
        "          subset: v1\n          weight: 90",
        ("subset-missing", "unknown-field"),
    ),
    Case("a weight in quotes", "weight: 90", 'weight: "90"', ("wrong-type",)),
    Case("a weight with a unit", "weight: 90", "weight: 90%", ("wrong-type",), (UNREADABLE,)),
    Case(
        "a field twice",
        "          weight: 10",
        "          weight: 10\n          weight: 20",
        ("given-twice", "weights-sum"),
    ),
    Case(
        "a field that is missing",
        "  host: shop\n  subsets",
        "  subsets",
        ("missing-field", "subset-undefined"),
        (
            "IST0101",
            "IST0106",
        ),
    ),
    Case(
        "a value that Istio refuses",
        "    - name: split",
        "    - headers: {response: {set: {x-share: 10%}}}\n      name: split",
        ("refused-value",),
        ("IST0106",),
    ),
    Case("a host with a port", "    - shop\n", '    - "shop.example.com:80"\n', ("refused-value",), ("IST0106",)),
    Case("a host with an underscore", "    - shop\n", "    - my_shop.example.com\n", ("refused-value",), ("IST0106",)),
    Case(
        "a name of TLS that is none of the hosts",
        "  http:\n",
        "  tls: [{match: [{sniHosts: [shop.example.com]}], route: [{destination: {host: shop}}]}]\n  http:\n",
        ("refused-value",),
        ("IST0106",),
    ),
    Case("an object's name with capitals", "  name: shop-v2\n", "  name: Shop-V2\n", ("refused-value",)),
    Case(
        "no hosts",
        "  hosts:\n    - shop\n  gateways:\n    - shop-gateway\n    - mesh\n",
        "",
        ("delegate",),
    ),
    Case(
        "gateways and no hosts",
        "  hosts:\n    - shop\n",
        "",
        ("missing-field",),
        (
            "IST0106",
            "IST0132",
        ),
    ),
    Case("a tab", "          weight: 10", "\t  weight: 10", ("not-yaml",), (UNREADABLE,)),
    Case(
        "a colon of a Chinese keyboard",
        "            subset: v2\n",
        "            subset：v2\n",
        ("not-yaml",),
        (UNREADABLE,),
    ),
    Case(
        "another version of YAML", "apiVersion: v1\n", "%YAML 1.2\n---\napiVersion: v1\n", ("not-yaml",), (UNREADABLE,)
    ),
    Case("a space that is not one", "    - name: split", "    - name:\u00a0split", ("odd-space",), (UNREADABLE,)),
    Case(
        "a lost indentation",
        "metadata:\n  name: shop-gateway",
        "metadata:\nname: shop-gateway",
        ("indentation",),
        (
            "IST0101",
            "IST0106",
            "IST0132",
        ),
    ),
    Case("a Helm template", "weight: 90", "weight: {{ .Values.weight }}", ("template",), (UNREADABLE,)),
    Case(
        "a version that does not exist",
        "v1\nkind: Gateway",
        "v2\nkind: Gateway",
        ("wrong-version",),
        (
            "IST0101",
            "IST0132",
        ),
    ),
    Case(
        "a misspelt kind",
        "kind: Gateway",
        "kind: Gatewya",
        ("gateway-not-given", "unknown-kind"),
        (
            "IST0101",
            "IST0132",
        ),
    ),
    Case("no kind", "", "---\nspec: {}\n", ("no-kind",), (UNREADABLE,)),
    Case(
        "no name",
        "metadata:\n  name: shop-gateway",
        "metadata: {}",
        ("gateway-unknown", "no-name"),
        (
            "IST0101",
            "IST0106",
            "IST0132",
        ),
    ),
    Case(
        "limits that shed load",
        "  host: shop\n",
        "  host: shop\n  trafficPolicy: {connectionPool: {http: {http1MaxPendingRequests: 1}}}\n",
        ("low-limit",),
    ),
    Case(
        "no DestinationRule among the files",
        RIGHT[
            RIGHT.index("apiVersion: networking.istio.io/v1\nkind: DestinationRule") : RIGHT.index(
                "apiVersion: networking.istio.io/v1\nkind: VirtualService"
            )
        ],
        "",
        ("rule-not-given",),
        ("IST0101",),
    ),
    Case(
        "a kind that is not checked",
        "",
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\n",
        ("not-checked",),
    ),
    Case(
        "a kustomization",
        "",
        "---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
        ("kustomization",),
    ),
    Case(
        "an HTTPRoute with an unknown backend",
        "",
        HTTP_ROUTE.replace("name: shop\n          port", "name: shopp\n          port"),
        ("unknown-host",),
    ),
    Case(
        "an HTTPRoute whose only backend has a weight", "", f"{HTTP_ROUTE}          weight: 10\n", ("weight-ignored",)
    ),
    Case(
        "an HTTPRoute without a parent",
        "",
        HTTP_ROUTE.replace("  parentRefs:\n    - name: public\n", ""),
        ("gateway-unknown",),
    ),
    Case("an HTTPRoute without a weight above 0", "", f"{HTTP_ROUTE}          weight: 0\n", ("weights-none",)),
    Case(
        "an HTTPRoute with one weight missing",
        "",
        f"{HTTP_ROUTE}          weight: 90\n        - {{name: shop, port: 80}}\n",
        ("destination-twice", "weight-missing"),
    ),
    Case("an HTTPRoute with an unknown port", "", HTTP_ROUTE.replace("port: 80", "port: 8080"), ("unknown-port",)),
    Case("an HTTPRoute without a port", "", HTTP_ROUTE.replace("          port: 80\n", ""), ("port-missing",)),
    Case(
        "an HTTPRoute with two equal rules",
        "",
        f"{HTTP_ROUTE}    - matches: [{{path: {{type: PathPrefix, value: /}}}}]\n",
        ("never-reached",),
    ),
)
