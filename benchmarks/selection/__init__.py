"""Parameters chosen on some kinds of streams, and how good they are on another."""
