"""The Predict tab: what visitors send, and the answer that they are shown."""
