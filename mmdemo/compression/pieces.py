"""A tokenizer with fewer word pieces that spells all that it needs no others for exactly as before.

WordPiece takes the longest piece that fits, so that a piece which was taken is taken again where longer ones went. In
byte-pair encoding a piece stays with all that it is merged of, and every merge between pieces that stay keeps its rank.
Pieces that nothing is spelled with are called unreachable by Land and Bartolo, "Fishing for Magikarp: automatically
detecting under-trained tokens in large language models", EMNLP 2024, section 3.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from tokenizers import Tokenizer

from mmdemo.errors import ManifestError

WORD_PIECE, BYTE_PAIRS = "WordPiece", "BPE"


def used(tokenizer: Tokenizer, captions: Sequence[str]) -> set[int]:
    """Return the numbers of all pieces that captions consist of, however long they are."""
    whole = Tokenizer.from_str(tokenizer.to_str())
    whole.no_truncation()
    whole.no_padding()
    return {piece for encoding in whole.encode_batch(list(captions)) for piece in encoding.ids}


def reachable(tokenizer: Tokenizer) -> set[int]:
    """Return the numbers of all pieces but those that no caption whatever is spelled with.

    Punctuation and Chinese characters are words of their own, so that no longer piece with one of them is ever asked
    for, and none of them inside a word. Raises ManifestError for a tokenizer that cuts words another way than BERT's.
    """
    state = json.loads(tokenizer.to_str())
    steps = [(state[name] or {}).get("type") for name in ("normalizer", "pre_tokenizer")]
    if [*steps, state["model"]["type"]] != ["BertNormalizer", "BertPreTokenizer", WORD_PIECE]:
        raise ManifestError("compress_unreachable")

    def within(word: str) -> bool:
        whole = tokenizer.normalizer.normalize_str(f"a{word}a")
        return len(tokenizer.pre_tokenizer.pre_tokenize_str(whole)) == 1

    vocabulary, bare = state["model"]["vocab"], partial(_bare, model=state["model"])
    within_words = {sign for sign in {sign for piece in vocabulary for sign in piece} if within(sign)}
    return {number for piece, number in vocabulary.items() if len(piece) == 1 or within_words.issuperset(bare(piece))}


def trimmed(tokenizer: Tokenizer, wanted: Collection[int], characters: bool = True) -> tuple[Tokenizer, list[int]]:
    """Return a tokenizer of the wanted pieces and of marks, and the numbers that its pieces had.

    Single `characters` stay too, unless nothing asks for those that are not wanted: they spell whatever no piece is
    left for. Raises ManifestError for a tokenizer of another type.
    """
    state = json.loads(tokenizer.to_str())
    model = state["model"]
    if model["type"] not in (WORD_PIECE, BYTE_PAIRS):
        raise ManifestError("compress_tokenizer", type=model["type"], known=f"{WORD_PIECE}, {BYTE_PAIRS}")
    vocabulary: dict[str, int] = model["vocab"]
    marks = {entry["id"] for entry in state["added_tokens"]} | {vocabulary.get(model.get("unk_token") or "")}
    single = {number for piece, number in vocabulary.items() if len(_bare(piece, model)) == 1}
    kept = {*wanted, *(single if characters else ()), *(number for number in marks if number is not None)}
    if model["type"] == BYTE_PAIRS:
        kept = _keep_merges(model, kept)
    numbers = sorted(kept)
    place = {number: new for new, number in enumerate(numbers)}
    model["vocab"] = {
        piece: place[number]
        for piece, number in sorted(vocabulary.items(), key=lambda entry: entry[1])
        if number in place
    }
    for entry in state["added_tokens"]:
        entry["id"] = place[entry["id"]]
    if state["padding"]:
        state["padding"]["pad_id"] = place[state["padding"]["pad_id"]]
    _renumber(state["post_processor"], place)
    return Tokenizer.from_str(json.dumps(state)), numbers


def _bare(piece: str, model: dict[str, Any]) -> str:
    """Return a piece without the signs that say where in a word it stands."""
    return piece.removeprefix(model.get("continuing_subword_prefix") or "").removesuffix(
        model.get("end_of_word_suffix") or ""
    )


def _keep_merges(model: dict[str, Any], kept: set[int]) -> set[int]:
    """Return the pieces with all that they are merged of; the merges of others go."""
    vocabulary, prefix = model["vocab"], model.get("continuing_subword_prefix") or ""
    merges = [tuple(merge.split(" ", 1)) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]
    kept, before = set(kept), -1
    while len(kept) != before:
        before = len(kept)
        for one, other in reversed(merges):
            if vocabulary.get(one + other.removeprefix(prefix)) in kept:
                kept |= {vocabulary[one], vocabulary[other]}
    model["merges"] = [
        [one, other] for one, other in merges if vocabulary.get(one + other.removeprefix(prefix)) in kept
    ]
    return kept


def _renumber(processor: dict[str, Any] | None, place: dict[int, int]) -> None:
    """Give the marks that a post-processor puts around a caption their new numbers."""
    if processor is None:
        return
    for inner in processor.get("processors", ()):
        _renumber(inner, place)
    for entry in (processor.get("special_tokens") or {}).values():
        entry["ids"] = [place[number] for number in entry["ids"]]
    for name in ("sep", "cls"):
        if name in processor:
            piece, number = processor[name]
            processor[name] = [piece, place[number]]
