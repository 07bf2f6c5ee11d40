"""What holds for the manifests under k8s/ and the scripts that apply them, without a cluster."""
