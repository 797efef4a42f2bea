"""A version of a task's model on disk: sidecar, model card, temperatures, and which one is served."""
