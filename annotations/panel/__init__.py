"""What the panel says of the version that serves: how good it is here, what it can promise, whether it still fits."""
