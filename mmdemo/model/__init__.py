"""Encoders, fusion and heads: `MultimodalModel`, its configuration and its processor."""

from mmdemo.model.config import MultimodalConfig
from mmdemo.model.model import MultimodalModel, MultimodalOutput
from mmdemo.model.processor import Encoded, MultimodalProcessor
from mmdemo.model.tokens import Tokens

__all__ = ["Encoded", "MultimodalConfig", "MultimodalModel", "MultimodalOutput", "MultimodalProcessor", "Tokens"]
