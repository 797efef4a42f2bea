"""What can be promised of what is sent here: too little is known, it stands, or no threshold keeps it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from annotations.panel import local_promise, turns
from annotations.store.panel import Member
from mmdemo.values.promise import HERE, NEVER, LocalRule, PromiseOutcome
from tests.unit.annotations.panel_home import RIGHT, TASK, WRONG

START = datetime(2026, 1, 1, tzinfo=UTC)


def members(labels: Sequence[str | None], confidence: float | Sequence[float] = 0.95) -> list[Member]:
    """Return a panel whose samples were answered RIGHT, and are what `labels` say."""
    sure = [confidence] * len(labels) if isinstance(confidence, float) else confidence
    return [
        Member(str(number), ("text",), RIGHT, sure[number], label, START + timedelta(seconds=number))
        for number, label in enumerate(labels)
    ]


def test_too_few_checks_promise_nothing_and_say_how_many_are_missing() -> None:
    rule = local_promise.refit(LocalRule(), TASK, "v1", members([RIGHT] * 20))
    assert rule.record is not None and rule.looks == {"text": ()}
    kept = rule.record.subsets["text"]
    assert (kept.outcome, kept.samples) == (PromiseOutcome.TOO_FEW, 20)
    enough = local_promise.refit(rule, TASK, "v1", members([RIGHT] * (20 + kept.missing)))
    assert enough.record is not None and enough.record.subsets["text"].outcome == PromiseOutcome.STANDS
    fewer = local_promise.refit(rule, TASK, "v1", members([RIGHT] * (19 + kept.missing)))
    assert fewer.looks == {"text": ()}  # a test that cannot show anything spends nothing


def test_a_promise_of_here_names_its_population_and_its_version() -> None:
    rule = local_promise.refit(LocalRule(), TASK, "v1", members([RIGHT] * 100))
    assert rule.record is not None and rule.record.guarantee().population == HERE
    assert rule.keeping("v1", TASK.promise, "text") is not None and rule.keeping("v2", TASK.promise, "text") is None


def test_where_sure_answers_are_wrong_no_threshold_keeps_it() -> None:
    rule = local_promise.refit(LocalRule(), TASK, "v1", members([RIGHT, WRONG] * 60))
    assert rule.record is not None and rule.record.subsets["text"].outcome == PromiseOutcome.NONE


def test_what_nobody_answered_counts_as_wrong_and_what_came_later_does_not_count() -> None:
    passed_over = members([RIGHT] * 60 + [None] * 30 + [RIGHT])
    waiting = members([RIGHT] * 91 + [None] * 30)
    rules = [local_promise.refit(LocalRule(), TASK, "v1", some) for some in (passed_over, waiting)]
    outcomes = [rule.record.subsets["text"].outcome for rule in rules if rule.record]
    assert outcomes == [PromiseOutcome.NONE, PromiseOutcome.STANDS]


def test_a_test_is_repeated_only_once_the_panel_has_grown_and_spends_less_each_time() -> None:
    rule = local_promise.refit(LocalRule(), TASK, "v1", members([RIGHT] * 80))
    assert rule.looks == {"text": (80,)}
    assert local_promise.refit(rule, TASK, "v1", members([RIGHT] * 119)).looks == {"text": (80,)}
    assert local_promise.refit(rule, TASK, "v1", members([RIGHT] * 120)).looks == {"text": (80, 120)}
    assert local_promise.refit(rule, TASK, "v2", members([RIGHT] * 120)).looks == {"text": (120,)}


def test_what_is_only_a_guess_goes_to_people_whatever_stands() -> None:
    confidence = [0.95] * 100 + [NEVER] * 50
    rule = local_promise.refit(LocalRule(), TASK, "v1", members([RIGHT] * 100 + [WRONG] * 50, confidence))
    assert rule.record is not None
    kept = rule.record.subsets["text"]
    assert (kept.outcome, kept.accepted, kept.samples) == (PromiseOutcome.STANDS, 100, 150)


def test_a_promise_of_here_is_broken_no_more_often_than_it_says_however_often_it_is_tested() -> None:
    draw, broken = np.random.default_rng(0), 0
    for _ in range(200):
        confidence = draw.uniform(0.4, 1.0, 400)
        wrong = draw.random(400) < 0.12  # whatever the confidence: no threshold keeps the promise
        panel = members([WRONG if bad else RIGHT for bad in wrong], confidence.tolist())
        rule = LocalRule()
        for size in range(40, 401, 20):
            rule = local_promise.refit(rule, TASK, "v1", panel[:size])
            kept = rule.keeping("v1", TASK.promise, "text")
            if kept and kept.outcome == PromiseOutcome.STANDS:
                broken += 1
                break
    assert broken / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def test_live_figures_are_as_unsure_as_few_checks_make_them() -> None:
    live = turns.figures(TASK, "v1", members([RIGHT] * 20), {"text": 0.6})
    assert (live.wrong.part, live.wrong.low) == (0, 0.0) and live.wrong.high == pytest.approx(0.168, abs=0.001)
    assert live.right.low == pytest.approx(0.832, abs=0.001) and live.unasked.high == 1.0
    assert "between 0 % and 17 %" in list(live.lines())[-1]


def test_unanswered_checks_bound_the_figures_from_both_sides() -> None:
    answered = turns.figures(TASK, "v1", members([RIGHT] * 90 + [WRONG] * 10), {"text": 0.6})
    bounded = turns.figures(
        TASK, "v1", members([RIGHT] * 45 + [None] * 20 + [RIGHT] * 45 + [WRONG] * 10), {"text": 0.6}
    )
    assert bounded.wrong.low < answered.wrong.low and bounded.wrong.high > answered.wrong.high
    assert bounded.right.low < answered.right.low and bounded.right.high > answered.right.high
    assert bounded.unanswered == 20 and any("20 of the samples" in line for line in bounded.lines())


def test_what_is_asked_about_anyway_does_not_go_out() -> None:
    panel = members([RIGHT] * 10 + [WRONG] * 10, [0.9] * 10 + [0.3] * 10)
    live = turns.figures(TASK, "v1", panel, {"text": 0.6})
    assert (live.unasked.part, live.wrong.part, live.right.part) == (10, 0, 10)
    assert turns.figures(TASK, "v1", panel, {"text": 1.0}).unasked.part == 0


def test_nothing_answered_says_so() -> None:
    live = turns.figures(TASK, "v1", members([None] * 3), {"text": 0.6})
    assert (live.samples, live.waiting) == (0, 3) and len(list(live.lines("zh"))) == 1


def test_a_label_that_the_task_takes_no_longer_is_not_right() -> None:
    [gone] = members(["joyful"])
    assert not turns.is_right(TASK, gone) and not turns.is_right(TASK, replace(gone, value="joyful"))
