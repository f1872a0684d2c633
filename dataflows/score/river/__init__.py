"""River's detectors in place of our model, and our detector as one of River's."""
