"""Samples in, calibrated answers out, one by one or in batches: a loaded version, its answers, and the Predictor."""
