"""Tiny random checkpoints of the real classes, one a row of mmdemo/model/encoders/families.py, as the Hub has them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from torch import nn

from tests import tiny

SIZE_PX = 32  # side of the pictures
POSITIONS = 24  # places that the text models have for word pieces
WIDTHS = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
_PATCHES = {**WIDTHS, "image_size": SIZE_PX, "patch_size": 8}
_CONVNEXT = {"hidden_sizes": [8, 8, 8, 16], "depths": [1, 1, 1, 1]}
_WAVE = {**WIDTHS, "conv_dim": [8, 8, 8], "conv_kernel": [10, 8, 4], "conv_stride": [5, 8, 8]}
_WAVE |= {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint of a family holds, and how transformers itself would use it."""

    model: Callable[[int], nn.Module]  # number of word pieces → a random model
    prepare: Any = None  # its image processor or feature extractor
    part: Callable[[Any], Any] = field(default=lambda model: model)  # the loaded model → the half that is compared
    load: Any = hf.AutoModel


def write(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint with its tokenizer, or what else prepares its inputs, and return the folder."""
    torch.manual_seed(0)
    model = checkpoint.model(tiny.write_tokenizer(folder))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):  # as they come, deep stacks of them answer the same to every picture
            nn.init.kaiming_normal_(module.weight)
    model.save_pretrained(folder)
    if checkpoint.prepare is not None:
        checkpoint.prepare.save_pretrained(folder)
    return folder


def _words(model: Any, config: Any, pieces: int, /, **more: Any) -> nn.Module:
    settings = {**WIDTHS, "max_position_embeddings": POSITIONS, "pad_token_id": 0, **more}
    return model(config(vocab_size=pieces, **settings))


def _text(model: Any, config: Any, **more: Any) -> Checkpoint:
    return Checkpoint(partial(_words, model, config, **more))


def _sees(model: Any, config: Any, prepare: Any, **settings: Any) -> Checkpoint:
    return Checkpoint(lambda pieces: model(config(**settings)), prepare)


def _hears(model: Any, config: Any, **more: Any) -> Checkpoint:
    settings = {**_WAVE, **more}
    return Checkpoint(lambda pieces: model(config(**settings)), hf.Wav2Vec2FeatureExtractor())


def _clip(pieces: int) -> nn.Module:
    text = {**WIDTHS, "vocab_size": pieces, "max_position_embeddings": POSITIONS, "eos_token_id": 3}
    return hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=_PATCHES, projection_dim=8))


def _siglip(pieces: int) -> nn.Module:
    text = {**WIDTHS, "vocab_size": pieces, "max_position_embeddings": POSITIONS}
    return hf.SiglipModel(hf.SiglipConfig(text_config=text, vision_config=_PATCHES))


def whisper(pieces: int, encoder_layers: int = 1) -> nn.Module:
    """Return a random Whisper whose window is one second."""
    settings = dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    settings |= {"encoder_layers": encoder_layers, "decoder_layers": 1}
    widths = {
        "d_model": 16,
        "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16,
        "num_mel_bins": 8,
        "max_source_positions": 50,
    }
    marks = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"), 0)
    return hf.WhisperForConditionalGeneration(hf.WhisperConfig(vocab_size=pieces, **settings, **widths, **marks))


def _ast(pieces: int) -> nn.Module:
    settings = {**WIDTHS, "patch_size": 8, "frequency_stride": 8, "time_stride": 4, "max_length": 120}
    return hf.ASTModel(hf.ASTConfig(num_mel_bins=16, **settings))


_SQUARE = {"size": {"height": SIZE_PX, "width": SIZE_PX}}
_CROPPED = {"size": {"shortest_edge": 40}, "crop_size": _SQUARE["size"]}
_CLIP = hf.CLIPImageProcessor(**_CROPPED)
_SIGLIP = hf.SiglipImageProcessor(**_SQUARE)
_VIT = hf.ViTImageProcessor(**_SQUARE, image_mean=[0.4, 0.5, 0.6])
_DINO = hf.BitImageProcessor(**_CROPPED)
_NEXT = hf.ConvNextImageProcessor(size={"shortest_edge": SIZE_PX})
_LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}

CHECKPOINTS: dict[tuple[str, str], Checkpoint] = {
    ("text", "albert"): _text(hf.AlbertModel, hf.AlbertConfig, embedding_size=8),
    ("text", "bert"): _text(hf.BertForMaskedLM, hf.BertConfig),
    ("text", "deberta-v2"): _text(hf.DebertaV2Model, hf.DebertaV2Config),
    ("text", "distilbert"): Checkpoint(
        lambda pieces: hf.DistilBertModel(
            hf.DistilBertConfig(
                vocab_size=pieces, dim=16, n_layers=1, n_heads=2, hidden_dim=16, max_position_embeddings=POSITIONS
            )
        )
    ),
    ("text", "electra"): _text(hf.ElectraModel, hf.ElectraConfig, embedding_size=8),
    ("text", "modernbert"): _text(hf.ModernBertModel, hf.ModernBertConfig),
    ("text", "mpnet"): _text(hf.MPNetModel, hf.MPNetConfig, pad_token_id=1, max_position_embeddings=POSITIONS + 2),
    ("text", "roberta"): _text(
        hf.RobertaModel, hf.RobertaConfig, pad_token_id=1, max_position_embeddings=POSITIONS + 2
    ),
    ("text", "xlm-roberta"): _text(
        hf.XLMRobertaModel, hf.XLMRobertaConfig, pad_token_id=1, max_position_embeddings=POSITIONS + 2
    ),
    ("text", "clip"): Checkpoint(_clip, part=lambda model: model.text_model),
    ("text", "clip_text_model"): _text(hf.CLIPTextModel, hf.CLIPTextConfig, eos_token_id=3),
    ("text", "siglip"): Checkpoint(_siglip, part=lambda model: model.text_model),
    ("text", "siglip_text_model"): Checkpoint(
        partial(_words, hf.SiglipTextModel, hf.SiglipTextConfig), load=hf.SiglipTextModel
    ),
    ("image", "convnext"): _sees(hf.ConvNextModel, hf.ConvNextConfig, _NEXT, **_CONVNEXT),
    ("image", "convnextv2"): _sees(hf.ConvNextV2Model, hf.ConvNextV2Config, _NEXT, **_CONVNEXT),
    ("image", "mobilenet_v2"): _sees(
        hf.MobileNetV2Model,
        hf.MobileNetV2Config,
        hf.MobileNetV2ImageProcessor(**_CROPPED),
        depth_multiplier=0.1,
        finegrained_output=False,
    ),
    ("image", "resnet"): _sees(
        hf.ResNetModel,
        hf.ResNetConfig,
        _NEXT,
        embedding_size=8,
        hidden_sizes=[8, 16],
        depths=[1, 1],
        layer_type="basic",
    ),
    ("image", "deit"): _sees(hf.DeiTModel, hf.DeiTConfig, _VIT, **_PATCHES),
    ("image", "dinov2"): _sees(hf.Dinov2Model, hf.Dinov2Config, _DINO, **_PATCHES),
    ("image", "dinov2_with_registers"): _sees(
        hf.Dinov2WithRegistersModel, hf.Dinov2WithRegistersConfig, _DINO, **_PATCHES, num_register_tokens=3
    ),
    ("image", "vit"): _sees(hf.ViTModel, hf.ViTConfig, _VIT, **_PATCHES),
    ("image", "clip"): Checkpoint(_clip, _CLIP, part=lambda model: model.vision_model),
    ("image", "clip_vision_model"): _sees(hf.CLIPVisionModel, hf.CLIPVisionConfig, _CLIP, **_PATCHES),
    ("image", "siglip"): Checkpoint(_siglip, _SIGLIP, part=lambda model: model.vision_model),
    ("image", "siglip_vision_model"): _sees(hf.SiglipVisionModel, hf.SiglipVisionConfig, _SIGLIP, **_PATCHES),
    ("audio", "audio-spectrogram-transformer"): Checkpoint(
        _ast, hf.ASTFeatureExtractor(num_mel_bins=16, max_length=120)
    ),
    ("audio", "hubert"): _hears(hf.HubertModel, hf.HubertConfig),
    ("audio", "wav2vec2"): _hears(hf.Wav2Vec2Model, hf.Wav2Vec2Config, **_LAYER),
    ("audio", "wavlm"): _hears(hf.WavLMModel, hf.WavLMConfig),
    ("audio", "whisper"): Checkpoint(
        whisper, hf.WhisperFeatureExtractor(feature_size=8, chunk_length=1), part=lambda model: model.get_encoder()
    ),
}
