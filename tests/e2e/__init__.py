"""The two flows of Kubernetes as docs/workshop/ tells them, on a cluster made for this run; `make e2e` runs it."""
