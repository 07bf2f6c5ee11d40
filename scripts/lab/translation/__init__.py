"""What istiod would send to its gateway: from YAML to Envoy's objects, without input or output."""
