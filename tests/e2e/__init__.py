"""The flows of docs/workshop/ and the proofs of the mesh, on a cluster made for this run; `make e2e` runs it."""
