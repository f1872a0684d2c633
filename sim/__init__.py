"""A digital twin of a fleet: vehicles that drive, sensors that measure, faults with ground truth."""
