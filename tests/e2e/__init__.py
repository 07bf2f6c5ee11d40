"""The two flows of Kubernetes as k8s/README.md tells them, on a cluster made for this run; `make e2e` runs it."""
