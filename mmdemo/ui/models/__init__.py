"""The Models tab: versions through time."""
