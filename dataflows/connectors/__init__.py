"""Bytewax sources and sinks. They move bytes and know nothing of vehicles."""
