"""The two flows on plain Kubernetes, in a kind cluster: build, deploy, update, pause, measure."""
