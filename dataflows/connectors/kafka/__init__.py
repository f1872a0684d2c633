"""Kafka as Bytewax source and sink: at least once, with offsets in the recovery store."""
