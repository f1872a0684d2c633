"""One vehicle: its signals, its errors, and why."""
