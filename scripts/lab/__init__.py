"""The lab on one machine: replicas of both versions behind a real Envoy that is configured from istio/*.yaml.

Start with `python -m scripts.lab --help`.
"""
