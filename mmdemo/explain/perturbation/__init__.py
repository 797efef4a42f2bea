"""What the model says of a changed sample, and what that tells about a map."""
