"""The words that people wrote, in any script, and the sums of their pieces."""

import itertools

import pytest

from mmdemo.explain.maps import merge, words, words_read


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A dog runs.", ["A", "dog", "runs", "."]),
        ("don't well-known 3.14 o’clock", ["don't", "well-known", "3.14", "o’clock"]),
        ("wow!!! (really)", ["wow", "!!!", "(", "really", ")"]),
        ("so #happy with @user", ["so", "#happy", "with", "@user"]),
        ("(@user)#ok", ["(", "@user", ")", "#ok"]),
        ("# @ 5 #1", ["#", "@", "5", "#1"]),
        ("一只狗 runs", ["一", "只", "狗", "runs"]),
        ("iPhone手机", ["iPhone", "手", "机"]),
        ("とても嬉しい", ["と", "て", "も", "嬉", "し", "い"]),
        ("아주 좋아요", ["아주", "좋아요"]),
        ("كلب سعيد.", ["كلب", "سعيد", "."]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("मैं खुश हूँ", ["मैं", "खुश", "हूँ"]),
        ("good🙂🙂 day", ["good", "🙂", "🙂", "day"]),
        ("👩‍👩‍👧 👍🏽 🇩🇪 ❤️ 1️⃣", ["👩‍👩‍👧", "👍🏽", "🇩🇪", "❤️", "1️⃣"]),
        ("<script>alert(1)</script>", ["<", "script", ">", "alert", "(", "1", ")</", "script", ">"]),
        ("e\u0301te\u0301 naïve", ["e\u0301te\u0301", "naïve"]),
        ("  \n\t ", []),
        ("\ufffd", ["\ufffd"]),
        ("a_b cats' -x-", ["a_b", "cats", "'", "-", "x", "-"]),
    ],
)
def test_words_are_those_that_people_see(caption: str, expected: list[str]) -> None:
    assert [caption[start:end] for start, end in words(caption)] == expected


def test_only_white_space_is_left_out() -> None:
    caption = "a\u200bb ‏c \x07 ｡ﾟ💩zz\u0301 ¿qué?#@ 1️⃣⃣ €5,00"
    covered = {place for start, end in words(caption) for place in range(start, end)}
    assert all(caption[place].isspace() for place in set(range(len(caption))) - covered)


def test_words_stand_in_order_and_do_not_overlap() -> None:
    spans = words("Ein #tag, 一天 ❤️‍🔥! @x")
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_pieces_are_summed_into_their_word() -> None:
    scores = merge([(0, 0), (0, 4), (4, 7), (8, 11), (0, 0)], [0.5, 0.1, 0.2, 0.3, 0.5], [(0, 7), (8, 11)])
    assert scores == pytest.approx([0.3, 0.3])


def test_a_piece_over_several_words_is_shared_by_its_characters() -> None:
    assert merge([(0, 4)], [0.8], [(0, 1), (1, 4)]) == pytest.approx([0.2, 0.6])


def test_words_that_were_not_read_are_left_out() -> None:
    assert words_read([(0, 0), (0, 3), (4, 5), (0, 0)], "the dog ran") == [(0, 3), (4, 7)]
    assert words_read([(0, 0), (0, 0)], "the dog") == []
