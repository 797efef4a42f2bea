"""From captions to word pieces that know their place, with a trained tokenizer or one learned from captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from tokenizers import Encoding, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from torch import Tensor

MAX_TOKENS = 96  # word pieces of a caption that are read, where the task says nothing
PAD, UNKNOWN, START = "[PAD]", "[UNK]", "[CLS]"  # marks of a tokenizer that is learned, numbers 0 to 2
FEWEST = 2  # times that a sign or a word must stand in the captions for the tokenizer to learn it


@dataclass(frozen=True)
class WordPieces:
    """The captions of a batch. Letters of the shapes: b captions, n pieces of the longest."""

    ids: Tensor  # (b, n) int64
    attention: Tensor  # (b, n) int64: 0 behind a caption's end
    words: Tensor  # (b, n) bool: False behind it, and for marks such as [CLS], which nobody wrote
    encodings: Sequence[Encoding]  # the tokenizer's own account, one a caption
    unknown: Tensor  # (b,) bool: captions of which the tokenizer knows nothing


@dataclass(frozen=True)
class TextFrontend:
    """Word pieces of a caption, with their place in it. The tokenizer's state is set once: threads may share it."""

    tokenizer: Tokenizer  # cuts at its maximum, pads to the longest of a batch

    def __call__(self, captions: Sequence[str]) -> WordPieces:
        """Return the captions as word pieces; the tensors are new ones."""
        encodings = self.tokenizer.encode_batch(list(captions))
        ids = torch.tensor([item.ids for item in encodings])
        attention = torch.tensor([item.attention_mask for item in encodings])
        marks = torch.tensor([item.special_tokens_mask for item in encodings])
        words = attention.bool() & ~marks.bool()
        unknown = ~(words & (ids != self._unknown)).any(dim=1)
        empty = ~words.any(dim=1)  # the tokenizer drops every sign of these: marks are all that is left
        words[empty] = attention.bool()[empty]
        return WordPieces(ids, attention, words, encodings, unknown)

    def knows(self, word: str) -> bool:
        """Return whether a word is one piece of the tokenizer's, not several."""
        ids = self.tokenizer.encode(word, add_special_tokens=False).ids
        return len(ids) == 1 and ids[0] != self._unknown

    @cached_property
    def _unknown(self) -> int:
        name = getattr(self.tokenizer.model, "unk_token", None)
        token_id = None if name is None else self.tokenizer.token_to_id(name)
        return -1 if token_id is None else token_id  # a tokenizer of bytes knows everything

    @classmethod
    def learn(cls, captions: Sequence[str], pieces: int, max_tokens: int) -> TextFrontend:
        """Return a frontend whose tokenizer is learned from `captions`: at most so many `pieces`, marks included.

        Byte-pair encoding (Sennrich et al. 2016) of lower-case words; Chinese signs are words of their own. The same
        captions give the same tokenizer, which the trainer of WordPiece does not promise.
        """
        tokenizer = Tokenizer(BPE(unk_token=UNKNOWN))
        tokenizer.normalizer = BertNormalizer()
        tokenizer.pre_tokenizer = BertPreTokenizer()
        trainer = BpeTrainer(
            vocab_size=pieces, min_frequency=FEWEST, special_tokens=[PAD, UNKNOWN, START], show_progress=False
        )
        tokenizer.train_from_iterator(captions, trainer)
        start = tokenizer.token_to_id(START)
        tokenizer.post_processor = TemplateProcessing(single=f"{START} $A", special_tokens=[(START, start)])
        tokenizer.enable_truncation(max_tokens)
        tokenizer.enable_padding(pad_id=tokenizer.token_to_id(PAD), pad_token=PAD)
        return cls(tokenizer)
