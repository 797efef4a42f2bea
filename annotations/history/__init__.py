"""What became of corrections: runs and versions through time, what each learned from, and how two of them differ."""
