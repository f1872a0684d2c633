"""Commands to vehicles: what can be commanded, sending it after a confirmation, and what became of it."""
