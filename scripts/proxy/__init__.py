"""What an Envoy has, from what it reports of itself, in lines for a person: pure, for the lab and for a cluster."""
