"""What alerts find in a simulated fleet, and how many are false."""
