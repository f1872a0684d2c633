"""River and this project: its detectors in place of ours, and ours among its own."""
