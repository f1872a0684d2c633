"""The one way to start a broker: for the demo, tests, benchmarks and the soak run."""
