"""From decoded arrays to what an encoder takes: one file a modality."""
