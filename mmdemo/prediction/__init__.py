"""One sample in, one calibrated answer out: a loaded version, its answers, and the Predictor."""
