"""How long does an event take from publisher to receiver? ``python -m benchmarks.latency``"""
