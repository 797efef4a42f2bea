"""Manifests → datasets → Trainer: a version folder made from labelled samples."""
