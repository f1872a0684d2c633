"""Other ways to do the same job, each a script of its own, measured by `benchmarks.throughput`.

They run in an environment of their own (``make bench-peers``, from ``requirements.txt`` here): what they need
and what the job needs cannot be installed together. Each decodes the stream, scores and learns every event,
encodes the event with its score, and takes its own time, from the first fifth of the events to the last.
All decode and encode with orjson, which is faster than what their examples use.
"""
