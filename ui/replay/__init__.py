"""The page *Replay*, and what the other pages show instead of the stream while a session replays."""
