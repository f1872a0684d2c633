"""What the page knows: one background subscriber for all viewers, and the state that it keeps."""
