"""The frozen values that travel between rooms: samples, layouts, review, analysis, results."""
