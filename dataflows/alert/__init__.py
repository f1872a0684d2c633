"""Scores, limits, gaps and silence → alerts with a life cycle: what a dispatcher acts on."""
