"""Replays a recording through the pipeline at full speed and reports what it found."""
