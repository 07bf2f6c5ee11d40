"""The files under istio/ that need a cluster, and the scripts of the Istio flow, as far as they go without one."""
