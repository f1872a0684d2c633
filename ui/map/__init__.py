"""A map of vehicles that is drawn in the browser: light, and without anything from external servers."""
