"""docker-compose.yml tried out: in containers where there is an engine, and natively: ``make stack``."""
