"""Other ways to do the same job, one script each, measured by `benchmarks.throughput`.

They run in a separate environment (``make bench-peers``, from ``requirements.txt`` here): their dependencies
and those of the job cannot be installed together. Each decodes the stream, scores and learns every event,
encodes the event with its score, and measures its own time, from the end of the first fifth of the events.
All use orjson for JSON, which is faster than what their own examples use.
"""
