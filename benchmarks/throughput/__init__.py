"""How much the job can take, beside its limits and peers: ``python -m benchmarks.throughput``."""
