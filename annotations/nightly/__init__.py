"""The retraining run: snapshot, comparison, gate, and what starts, guards and ends it."""
