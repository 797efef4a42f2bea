"""Many visitors at once, beside a plain interface and an endpoint that does nothing: python -m benchmarks.load."""
