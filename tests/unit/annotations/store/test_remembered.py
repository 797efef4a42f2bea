"""Answers are made once for each state of what they are about."""

from annotations.store import AnswerMemo


def test_an_answer_is_made_once_a_state_and_only_the_latest_is_kept() -> None:
    remembered, calls = AnswerMemo(), list[int]()

    def make() -> int:
        calls.append(len(calls))
        return calls[-1]

    assert [remembered.of("a", 1, make), remembered.of("a", 1, make), remembered.of("b", 1, make)] == [0, 0, 1]
    assert [remembered.of("a", 2, make), remembered.of("a", 1, make), remembered.of("b", 1, make)] == [2, 3, 1]
