"""The training itself: transformers' Trainer, which weights are tuned and kept, resuming, progress."""
