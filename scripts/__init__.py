"""What `make` runs: the demo, its embedded broker, and the pictures of the README."""
