"""From alerts to messages that people get: what is told, to whom, when, and until it has arrived.

    reading ──► channel ──────────────────────────────► message ──► delivery
                changes · routing · grouping · back-off

`step` is the part that Bytewax runs; everything else can be used without it.
"""
