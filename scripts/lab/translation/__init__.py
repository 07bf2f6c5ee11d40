"""The translation of Istio's manifests to Envoy's configuration, as istiod does it, without input or output."""
