"""A trimmed tokenizer spells as before what it has the pieces for, and everything else somehow."""

import json
import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from mmdemo.compression import pieces
from mmdemo.errors import ManifestError
from mmdemo.model.frontends.text import TextFrontend
from mmdemo.versions.registry import SHIPPED
from tests import tiny

WORDS = ["smiling dogs run", "a cat smiles", "running cats smile", "dogs and cats run and run"] * 3
STRANGE = ["smilingly", "dog cat zebra", "unheard of"]


def word_pieces(folder: Path) -> Tokenizer:
    tiny.write_tokenizer(folder)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def byte_pairs(folder: Path) -> Tokenizer:
    return TextFrontend.learn(WORDS, 60, 16).tokenizer


@pytest.mark.parametrize("make", [word_pieces, byte_pairs], ids=lambda make: make.__name__)
def test_a_caption_whose_pieces_stay_is_spelled_as_before(make, tmp_path: Path) -> None:
    before = make(tmp_path)
    captions = WORDS[:2]
    after, numbers = pieces.trimmed(before, pieces.used(before, captions))
    assert len(numbers) == after.get_vocab_size() < before.get_vocab_size()
    for caption in captions:
        one, other = before.encode(caption), after.encode(caption)
        assert [numbers[piece] for piece in other.ids] == one.ids
        assert (other.tokens, other.offsets) == (one.tokens, one.offsets)
    for caption in STRANGE:
        unknown = after.token_to_id("[UNK]")
        spelled, known = after.encode(caption), before.token_to_id("[UNK]") not in before.encode(caption).ids
        assert spelled.ids and (unknown not in spelled.ids or not known)


def test_marks_keep_their_work(tmp_path: Path) -> None:
    before = word_pieces(tmp_path)
    after, numbers = pieces.trimmed(before, [])
    one, other = (each.encode_batch(["a b c", "d"]) for each in (before, after))
    assert [[numbers[piece] for piece in each.ids] for each in other] == [each.ids for each in one]
    assert [each.special_tokens_mask for each in other] == [each.special_tokens_mask for each in one]


def test_another_type_is_refused() -> None:
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0))
    with pytest.raises(ManifestError, match="type Unigram"):
        pieces.trimmed(tokenizer, [])


def test_what_no_caption_is_spelled_with_goes_and_everything_is_spelled_as_before() -> None:
    before = Tokenizer.from_file(str(SHIPPED / "sentiment" / "tokenizer.json"))
    state = json.loads(before.to_str())
    added = ["[unused0]", "##.", "##千", "a.m", "...", "##é", "ł", "##ł", "naïve"]
    state["model"]["vocab"] |= {piece: before.get_vocab_size() + number for number, piece in enumerate(added)}
    larger = Tokenizer.from_str(json.dumps(state))
    after, numbers = pieces.trimmed(larger, pieces.reachable(larger), characters=False)
    gone = {larger.id_to_token(number) for number in {*larger.get_vocab().values()} - {*numbers}}
    assert gone >= set(added[:5]) and not gone & set(added[5:])
    draw = random.Random(0)
    signs = [*map(chr, range(1, 0x500)), *"千葉のé#@…’.!?[]ł", *"abcdefghi", "unused0", "[UNK]", "👍", "##"]
    for _ in range(2000):
        caption = "".join(draw.choices([*signs, " "], k=20))
        one, other = larger.encode(caption), after.encode(caption)
        assert (other.tokens, other.offsets) == (one.tokens, one.offsets)
        assert [numbers[piece] for piece in other.ids] == one.ids


def test_pieces_of_what_is_shipped_are_all_reachable() -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / "sentiment" / "tokenizer.json"))
    marks = {tokenizer.token_to_id(mark) for mark in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")}
    assert {*tokenizer.get_vocab().values()} - pieces.reachable(tokenizer) == marks


def test_a_tokenizer_that_cuts_words_another_way_has_no_known_unreachable_pieces(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="as BERT's does"):
        pieces.reachable(byte_pairs(tmp_path))
