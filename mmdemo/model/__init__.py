"""Encoders, fusion and heads: `MultimodalModel`, its configuration and its processor."""

from mmdemo.model.config import MultimodalConfig
from mmdemo.model.model import Layout, MultimodalModel, MultimodalOutput
from mmdemo.model.processor import Encoded, MultimodalProcessor

__all__ = ["Encoded", "Layout", "MultimodalConfig", "MultimodalModel", "MultimodalOutput", "MultimodalProcessor"]
