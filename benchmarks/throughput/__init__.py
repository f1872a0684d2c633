"""The job's throughput, compared with upper limits and peers: ``python -m benchmarks.throughput``"""
