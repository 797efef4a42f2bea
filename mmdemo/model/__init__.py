"""Encoders, fusion and heads: `MultimodalModel`, its configuration and its processor."""

from mmdemo.model.config import MultimodalConfig
from mmdemo.model.fusion.tokens import Tokens
from mmdemo.model.model import Loaded, MultimodalModel, MultimodalOutput
from mmdemo.model.processor import Encoded, MultimodalProcessor

__all__ = [
    "Encoded",
    "Loaded",
    "MultimodalConfig",
    "MultimodalModel",
    "MultimodalOutput",
    "MultimodalProcessor",
    "Tokens",
]
