"""Alerts as viewers see them and act on them."""
