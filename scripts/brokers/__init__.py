"""The one way to start a broker, shared by demo, soak test, tests and benchmarks."""
