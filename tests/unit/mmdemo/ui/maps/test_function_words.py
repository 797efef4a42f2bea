"""What a sentence about a caption names: words that mean something by themselves."""

import pytest

from mmdemo.explain.maps import words
from mmdemo.ui.maps.function_words import is_meaningful


@pytest.mark.parametrize(
    "word",
    ["a", "What", "AND", "the", "it's", "I’m", "we're", "of", "with", ",", "…", "?!", "的", "了", "，", "~", "|", "RT"],
)
def test_function_words_and_punctuation_mean_nothing_by_themselves(word: str) -> None:
    assert not is_meaningful(word)


@pytest.mark.parametrize(
    "word",
    [
        "not",
        "no",
        "never",
        "nobody",
        "don't",
        "isn’t",
        "cannot",
        "without",
        "none",
        "不",
        "没",
        "laughing",
        "cry",
        "alone",
        "🙂",
        "❤️",
        ":)",
        ":-(",
        "7",
        "€",
        "#the",
        "@us",
    ],
)
def test_negations_and_whatever_else_means_something_stay(word: str) -> None:
    assert is_meaningful(word)


def test_words_are_asked_about_as_a_caption_is_cut() -> None:
    caption = "What a day, isn't it? :) 我不喜欢这个"
    cut = [caption[start:end] for start, end in words(caption)]
    assert [word for word in cut if is_meaningful(word)] == ["day", "isn't", ":)", "不", "喜", "欢"]
