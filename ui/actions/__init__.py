"""What viewers do: one publisher for all of them."""
