"""The demo panel: what the simulator did to vehicles, beside what was found; real vehicles tell nobody."""
