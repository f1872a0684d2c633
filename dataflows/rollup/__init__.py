"""Scored events → a summary of each vehicle and window of event time.

    scored ──► runs ──► windows ──► encode ──► rollups
                 │
                 └────► late

Aggregation is done twice, as in every engine that has to be fast at it. `runs` folds the events of a shard,
a batch at a time and in compiled code, into *runs*: consecutive events of a vehicle in the same window. There
is about one run per vehicle and window, and only these pass Bytewax's windowing operator, which merges the
runs of a window and closes it once the vehicle's watermark has passed its end.
"""
