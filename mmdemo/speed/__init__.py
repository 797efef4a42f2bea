"""How long answers take, as ratios to the bare forward pass of the same network in the same run."""
