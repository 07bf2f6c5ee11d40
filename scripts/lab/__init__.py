"""The lab on one machine: replicas of both versions behind a real Envoy that is configured from istio/*.yaml.

`python -m scripts.lab --help` is the way in; `make lab` calls it.
"""
