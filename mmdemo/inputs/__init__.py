"""What goes into a model: a batch of samples, by modality."""

from mmdemo.inputs.batch import Batch, EncoderInputs, EncoderTokens

__all__ = ["Batch", "EncoderInputs", "EncoderTokens"]
