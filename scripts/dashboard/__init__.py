"""The Grafana dashboard of the jobs, made from its queries."""
