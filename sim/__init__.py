"""A simulated fleet: vehicles that drive, sensors that measure, and faults with ground truth."""
