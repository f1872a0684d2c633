"""How long an event takes from publisher to receiver: ``python -m benchmarks.latency``."""
