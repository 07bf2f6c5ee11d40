"""One right set of manifests, its parts, and what a case of `lab check` is: an edit that breaks it."""

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
