"""A trimmed tokenizer spells as before what it has the pieces for, and everything else somehow."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from mmdemo.compression import pieces
from mmdemo.errors import ManifestError
from mmdemo.model.frontends.text import TextFrontend
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
