"""The flow with Istio: install, deploy, set a traffic state, look into the proxy, measure."""
