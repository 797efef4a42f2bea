"""The sentence on a map's trust holds for every sign of its lead, of the answer and of any other label."""

import re
from typing import Any

import pytest

from mmdemo import tasks
from mmdemo.explain.perturbation.trust import ORDERS
from mmdemo.ui.maps import attribution_view
from mmdemo.values.analysis import AttributionReport, Contributions, Trust, TrustVerdict

TASK = tasks.get("sentiment")
SHARES = (0, 100)


def shown(
    verdict: str, score: float, as_good: int, language: str = "en", against: str | None = None
) -> attribution_view.WeighedView:
    trust = Trust(TrustVerdict(verdict), score, SHARES, (0.9, 0.3), (0.9, 0.3), ORDERS, 7, as_good)
    shared = Contributions("positive", {"image": 0.1, "text": 0.2}, 0.3, 0.6, against)
    return attribution_view.view(AttributionReport("v1", shared, trust), TASK, language)


def sentence(*case: Any, **options: Any) -> str:
    """Return the sentence of a case of `shown`."""
    return shown(*case, **options).trusted


@pytest.mark.parametrize(
    ("verdict", "score", "as_good", "expected"),
    [
        (
            "better",
            0.12,
            0,
            "Yes: without what it marks, positive is 12 points less likely than without as much at random.",
        ),
        (
            "better",
            0.004,
            1,
            "Yes, if by little: without what it marks, positive is slightly less likely than without as much at"
            " random.",
        ),
        (
            "no_better",
            0.18,
            2,
            "Not surely: without what it marks, positive is on average 18 points less likely than without as much at"
            " random, but 2 of 9 random choices did at least as well.",
        ),
        (
            "no_better",
            -0.004,
            4,
            "No: without as much at random, positive is on average no more likely than without what it marks.",
        ),
        (
            "no_better",
            -0.03,
            7,
            "No: without what it marks, positive is on average 3 points more likely than without as much at random.",
        ),
        ("too_few", 0.3, 0, "There are too few words, regions and moments here to tell."),
    ],
)
def test_every_case_in_english(verdict: str, score: float, as_good: int, expected: str) -> None:
    assert sentence(verdict, score, as_good) == expected


@pytest.mark.parametrize(
    ("verdict", "score", "as_good", "expected"),
    [
        ("better", 0.12, 0, "可信：去掉它标出的部分，“积极”的可能性比随机去掉同样多时低 12 个百分点。"),
        ("better", 0.004, 1, "可信，但差别很小：去掉它标出的部分，“积极”的可能性比随机去掉同样多时略低。"),
        (
            "no_better",
            0.18,
            2,
            "不能确定：去掉它标出的部分，“积极”的可能性平均比随机去掉同样多时低 18 个百分点，"
            "但 9 次随机选择中有 2 次至少同样有效。",
        ),
        ("no_better", 0.004, 4, "不可信：随机去掉同样多时，“积极”的可能性平均并不比去掉它标出的部分时更高。"),
        ("no_better", -0.03, 7, "不可信：去掉它标出的部分，“积极”的可能性平均反而比随机去掉同样多时高 3 个百分点。"),
        ("too_few", 0.3, 0, "这里的词语、区域和片段太少，无法判断。"),
    ],
)
def test_every_case_in_chinese(verdict: str, score: float, as_good: int, expected: str) -> None:
    assert sentence(verdict, score, as_good, "zh") == expected


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_lead_is_told_with_a_sign_or_as_nothing(language: str) -> None:
    for score in (value / 200 for value in range(-200, 201)):
        for verdict in ("better", "no_better", "too_few")[score <= 0 :]:
            said = sentence(verdict, score, 3, language)
            assert not re.search(r"[−+-]\s*\d|\b0 (?:points|个百分点)|\b1 points", said)


def test_a_map_of_one_label_against_another_is_told_of_both() -> None:
    assert "positive rather than neutral is 12 points less likely" in sentence("better", 0.12, 0, against="neutral")
    assert shown("better", 0.12, 0, against="neutral").decided.startswith("positive rather than neutral: 30 % knowing")
