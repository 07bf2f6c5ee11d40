"""One right set of manifests, and for each rule of `lab check` an edit that breaks it.

The lab's tests expect the rule; the test on the cluster's tools compares with what `istioctl analyze` says.
"""

from typing import Final, NamedTuple

RIGHT: Final = """\
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector:
    app: shop
  ports:
    - name: http
      port: 80
      targetPort: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop-v1
spec:
  selector:
    matchLabels: {app: shop, version: v1}
  template:
    metadata:
      labels: {app: shop, version: v1}
    spec:
      containers:
        - name: shop
          image: shop:1
          ports:
            - containerPort: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop-v2
spec:
  selector:
    matchLabels: {app: shop, version: v2}
  template:
    metadata:
      labels: {app: shop, version: v2}
    spec:
      containers:
        - name: shop
          image: shop:2
          ports:
            - containerPort: 8080
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: shop-gateway
spec:
  selector:
    istio: ingressgateway
  servers:
    - port:
        number: 80
        name: http
        protocol: HTTP
      hosts:
        - "*"
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: shop
spec:
  host: shop
  subsets:
    - name: v1
      labels:
        version: v1
    - name: v2
      labels:
        version: v2
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop
spec:
  hosts:
    - shop
  gateways:
    - shop-gateway
    - mesh
  http:
    - match:
        - headers:
            x-canary:
              exact: "true"
      route:
        - destination:
            host: shop
            subset: v2
    - name: split
      route:
        - destination:
            host: shop
            subset: v1
          weight: 90
        - destination:
            host: shop
            subset: v2
          weight: 10
"""
ROUTE_V1: Final = """
        - destination:
            host: shop
            subset: v1
          weight: 90
"""
ROUTE_V2: Final = """
        - destination:
            host: shop
            subset: v2
          weight: 10
"""
CONDITION: Final = """
        - headers:
            x-canary:
              exact: "true"
"""
SPLIT: Final = "    - name: split\n      route:\n"
SECOND_SERVICE: Final = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop-again
spec:
  hosts:
    - HOST
  gateways:
    - GATEWAY
  http:
    - route:
        - destination:
            host: shop
            subset: v1
"""
SECOND_RULE: Final = """\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: shop-again
spec:
  host: shop
  trafficPolicy:
    loadBalancer:
      simple: RANDOM
"""
HTTP_ROUTE: Final = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: shop
spec:
  parentRefs:
    - name: public
  rules:
    - backendRefs:
        - name: shop
          port: 80
"""


UNREADABLE: Final = "unreadable"


class Case(NamedTuple):
    """One way to break the right manifests.

    Attributes:
        what: a description, as in the table of the lab's README.
        old: what is replaced, at its first place; "" to append.
        new: what replaces it.
        rules: what `lab check` finds.
        istioctl: the codes of what `istioctl analyze` finds, or `UNREADABLE`.
    """

    what: str
    old: str
    new: str
    rules: tuple[str, ...]
    istioctl: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The broken manifests."""
        assert self.old in RIGHT, self.what
        return RIGHT.replace(self.old, self.new, 1) if self.old else RIGHT + self.new


def second_service(host: str, gateway: str) -> str:
    """Return another VirtualService for a host at a gateway."""
    return SECOND_SERVICE.replace("HOST", host).replace("GATEWAY", gateway)


def before_the_split(match: str) -> str:
    """Return a route to v1 with a match, and the beginning of the split after it."""
    return f"    - match:{match}      route: [{{destination: {{host: shop, subset: v1}}}}]\n{SPLIT}"


CASES: Final = (
    Case("only one destination, with a weight below 100", ROUTE_V1, "\n", ("weight-ignored",)),
    Case(
        "a header route and no route for the rest",
        SPLIT,
        f"    - match:{CONDITION.replace('true', 'no')}      route:\n",
        ("no-route-for-the-rest",),
    ),
    Case(
        "two routes with the identical match",
        SPLIT,
        before_the_split(CONDITION),
        ("never-reached",),
        ("IST0130", "IST0131"),
    ),
    Case(
        "a narrower match after a wider one",
        SPLIT,
        before_the_split(f"{CONDITION}          uri: {{prefix: /a}}\n"),
        ("never-reached",),
    ),
    Case(
        "a route after one that takes everything",
        "",
        "    - route: [{destination: {host: shop, subset: v2}}]\n",
        ("never-reached",),
        ("IST0130",),
    ),
    Case("the same destination twice", ROUTE_V2, ROUTE_V2.replace("v2", "v1"), ("destination-twice",)),
    Case("weights that do not add up to 100", "weight: 90", "weight: 40", ("weights-sum",)),
    Case("a weight below 0", "weight: 90", "weight: -1", ("weights-none",), ("IST0106",)),
    Case(
        "no weight above 0",
        "weight: 90\n        - destination:\n            host: shop\n            subset: v2\n          weight: 10",
        "weight: 0\n        - destination:\n            host: shop\n            subset: v2\n          weight: 0",
        ("weights-none",),
        ("IST0106",),
    ),
    Case("a weight missing next to others", "\n          weight: 10", "", ("weight-missing", "weights-sum")),
    Case("a route's name or header states other weights", "name: split", "name: 70-30", ("name-and-weights",)),
    Case(
        "the labels of the subsets swapped",
        "        version: v1\n    - name: v2\n      labels:\n        version: v2",
        "        version: v2\n    - name: v2\n      labels:\n        version: v1",
        ("subset-labels-swapped",),
    ),
    Case(
        "two subsets with the same labels",
        "- name: v2\n      labels:\n        version: v2",
        "- name: v2\n      labels:\n        version: v1",
        ("subset-labels-same", "subset-labels-swapped"),
    ),
    Case("a subset without labels", "      labels:\n        version: v1\n", "", ("subset-without-labels",)),
    Case(
        "a subset twice",
        "    - name: v2\n",
        "    - name: v1\n",
        ("subset-twice", "subset-undefined"),
        (
            "IST0101",
            "IST0106",
        ),
    ),
    Case("an undefined subset", ROUTE_V2, ROUTE_V2.replace("v2", "v9"), ("subset-undefined",), ("IST0101",)),
    Case(
        "a subset whose labels no pod has",
        "    - name: v2\n      labels:\n        version: v2",
        "    - name: v2\n      labels:\n        version: '2'",
        ("subset-without-pods",),
    ),
    Case("no subset next to destinations with one", "            subset: v1\n", "", ("subset-missing",)),
    Case("an unknown host", ROUTE_V2, ROUTE_V2.replace("shop\n", "shopp\n"), ("unknown-host",), ("IST0101",)),
    Case(
        "a rule for an unknown host",
        "spec:\n  host: shop",
        "spec:\n  host: shopp",
        ("subset-undefined", "unknown-host"),
        ("IST0101",),
    ),
    Case(
        "an unknown port",
        "host: shop\n            subset: v1\n",
        "host: shop\n            subset: v1\n            port: {number: 8080}\n",
        ("unknown-port",),
    ),
    Case(
        "no port, and the Service has several",
        "  ports:\n    - name: http",
        "  ports:\n    - {name: http-2, port: 81, targetPort: 8080}\n    - name: http",
        ("port-missing",),
    ),
    Case("a port named tcp", "- name: http\n      port: 80", "- name: tcp-shop\n      port: 80", ("port-protocol",)),
    Case(
        "a port with neither a name nor appProtocol",
        "- name: http\n      port: 80",
        "- port: 80",
        ("port-protocol-guessed",),
    ),
    Case("a target port that the pods do not state", "targetPort: 8080", "targetPort: 9090", ("target-port",)),
    Case("a named target port that no pod has", "targetPort: 8080", "targetPort: web", ("target-port-unknown",)),
    Case(
        "a Deployment that selects other pods",
        "matchLabels: {app: shop, version: v1}",
        "matchLabels: {app: shop, version: v3}",
        ("selector",),
    ),
    Case(
        "an unknown gateway",
        "    - shop-gateway\n",
        "    - shop-gate\n",
        ("gateway-unknown",),
        (
            "IST0101",
            "IST0132",
        ),
    ),
    Case("no gateways", "  gateways:\n    - shop-gateway\n    - mesh\n", "", ("mesh-only",)),
    Case("bound to a gateway, and not to the mesh", "    - mesh\n", "", ("gateway-only",)),
    Case(
        "a host that the gateway does not have",
        '        - "*"',
        "        - example.com",
        ("host-not-in-gateway",),
        ("IST0132",),
    ),
    Case(
        "every host, and no gateway",
        "    - shop\n  gateways:\n    - shop-gateway\n    - mesh",
        "    - '*'",
        ("host-wildcard", "mesh-only"),
        ("IST0106",),
    ),
    Case("HTTPS without certificates", "protocol: HTTP\n", "protocol: HTTPS\n", ("gateway-tls",), ("IST0106",)),
    Case("HTTPS redirect", '        - "*"', '        - "*"\n      tls: {httpsRedirect: true}', ("https-redirect",)),
    Case(
        "two servers with one port name",
        "  servers:\n",
        "  servers:\n    - {port: {number: 81, name: http, protocol: HTTP}, hosts: ['*']}\n",
        ("gateway-port-name",),
        ("IST0106",),
    ),
    Case(
        "two VirtualServices for a host inside the mesh",
        "",
        second_service("shop", "mesh"),
        ("mesh-only", "same-host-in-mesh"),
        ("IST0109",),
    ),
    Case(
        "two VirtualServices for a host at a gateway",
        "",
        second_service("shop", "shop-gateway"),
        ("gateway-only", "same-host-at-gateway"),
    ),
    Case("two DestinationRules for a host", "", SECOND_RULE, ("same-rule-host",)),
    Case("one object twice", "", "---\n" + RIGHT.rpartition("---\n")[2], ("same-object",)),
    Case(
        "a regex that is not for the whole value",
        CONDITION,
        CONDITION.replace("x-canary", "cookie").replace("exact", "regex"),
        ("regex",),
    ),
    Case("a star in an exact value", 'exact: "true"', 'exact: ".*"', ("regex",)),
    Case("a regex that Envoy does not know", 'exact: "true"', "regex: '(?!x).*'", ("regex-refused",), ("IST0106",)),
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
