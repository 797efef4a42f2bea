"""Golden samples: pinned by people, never trained on from then on, and none is lost by what is put into service."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from annotations import __main__ as command
from annotations import golden, review_queue
from annotations.acquisition import strata
from annotations.nightly import dataset, gate
from annotations.nightly.limits import LimitCheck
from annotations.review_queue import retention
from annotations.schema import ConsentRow, MoveRow
from annotations.store import Store, labels
from mmdemo.errors import BadInput, Conflict, UnknownName
from mmdemo.settings import Settings
from mmdemo.values.review import for_everybody
from tests.statements import statements
from tests.unit.annotations import sentiment
from tests.unit.annotations.nightly.test_gate import comparison, judge


def corrected(store: Store, text: str, label: str = "negative") -> str:
    inputs = sentiment.inputs(text)
    sample_id, _ = review_queue.offer(store, sentiment.TASK, inputs, sentiment.prediction(inputs))
    review_queue.correct(store, sentiment.TASKS, sample_id, label, "Ann")
    return sample_id


def names(store: Store) -> list[str]:
    return [each.sample_id for each in golden.listed(store, "sentiment")]


def parts(store: Store) -> tuple[dataset.Snapshot, dataset.Split]:
    with store.reading() as session:
        snapshot = dataset.freeze(sentiment.TASK, labels.corrections(session, "sentiment"), store.media)
    return snapshot, dataset.split(snapshot, 0.5)


def test_only_what_people_answered_is_pinned(store: Store) -> None:
    inputs = sentiment.inputs("quiet evening")
    waiting, _ = review_queue.offer(store, sentiment.TASK, inputs, sentiment.prediction(inputs))
    for sample_id, who, refusal in ((waiting, "Ann", Conflict), ("none", "Ann", UnknownName), (waiting, " ", BadInput)):
        with pytest.raises(refusal):
            golden.pin(store, sample_id, who)
    assert names(store) == []


def test_a_pin_is_listed_with_what_counts_and_taken_back_and_both_are_in_the_log(store: Store) -> None:
    first, second = corrected(store, "one"), corrected(store, "two", "neutral")
    for sample_id in (first, second, first):
        golden.pin(store, sample_id, "Ann")
    assert [(each.sample_id, each.value) for each in golden.listed(store)] == [(first, "negative"), (second, "neutral")]
    review_queue.correct(store, sentiment.TASKS, second, "positive", "Ann")
    assert golden.listed(store)[1].value == "positive"
    with statements(store) as of_two:
        golden.listed(store)
    with statements(store) as of_none:
        golden.listed(store, "spoken_digits")
    assert len(of_two) <= len(of_none) + 1  # however many they are
    for _ in range(2):
        golden.unpin(store, first, "Bo")
    assert names(store) == [second] and golden.listed(store, "spoken_digits") == []
    with store.reading() as session:
        moves = [(row.move, row.who) for row in session.scalars(select(MoveRow)) if row.move in ("pin", "unpin")]
    assert moves == [("pin", "Ann"), ("pin", "Ann"), ("unpin", "Bo")]


def test_what_is_erased_is_golden_no_more_and_what_nobody_says_holds_nothing_back(store: Store) -> None:
    erased, withdrawn = corrected(store, "one"), corrected(store, "two")
    for sample_id in (erased, withdrawn):
        golden.pin(store, sample_id, "Ann")
    review_queue.undo(store, "Ann")
    with store.reading() as session:
        [consent] = session.scalars(select(ConsentRow.prediction_id).where(ConsentRow.sample_id == erased))
    retention.forget(store, consent)
    assert [(each.sample_id, each.value) for each in golden.listed(store)] == [(withdrawn, None)]
    assert parts(store)[1] == dataset.Split((), ())


def test_a_golden_sample_never_trains_and_is_held_out_only_where_it_was_drawn(store: Store) -> None:
    ids = [corrected(store, f"evening {number}") for number in range(12)]
    before, split = parts(store)
    aside = {row.id for row in split.held_out}
    assert aside == {name for name in ids if strata.is_held_out(strata.held_out_draw(name), 0.5)} and len(aside) > 1
    learned, drawn = next(name for name in ids if name not in aside), next(iter(aside))
    for name in (learned, drawn):
        golden.pin(store, name, "Ann")
    after, pinned = parts(store)
    assert {row.id for row in pinned.golden} == {learned, drawn} and pinned.held_out == split.held_out
    assert {row.id for row in split.train} - {row.id for row in pinned.train} == {learned}
    assert before.digest == after.digest  # they are the same corrections
    entries = dataset.entries(pinned, {learned: ("negative", 0.6)}, {learned: ("neutral", 0.7)})
    kept = {entry.sample_id: entry for entry in entries}
    assert (kept[learned].split, kept[learned].champion, kept[learned].challenger) == ("golden", "negative", "neutral")
    assert kept[drawn].split == "held_out" and len(kept) == len(ids)
    golden.unpin(store, learned, "Ann")
    assert parts(store)[1].train == split.train


def test_none_that_the_champion_answers_rightly_may_be_lost() -> None:
    better = comparison(30, 0)
    for check, name in ((LimitCheck(3), gate.PROMOTED), (LimitCheck(3, ("a" * 64,)), gate.REJECTED)):
        compared = replace(better, limits=check)
        for verdict in (judge(compared), gate.judge_without(compared)):
            assert verdict.name == name
            assert verdict.numbers["golden"] == 3 and verdict.numbers["golden_lost"] == len(check.golden_lost)
    reasons = verdict.reasons
    assert "of 3 samples that people pinned" in reasons[-2].sentence() and "a" * 12 in reasons[-1].sentence()
    assert for_everybody(reasons) == reasons[:-1]  # an id is for reviewers


def test_by_command(store: Store, config: Settings, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    sample_id = corrected(store, "one")
    assert command.main(["pin", "--sample", sample_id]) == 0
    assert "no newly trained version that gets it wrong" in capsys.readouterr().out
    assert command.main(["pins", "--task", "sentiment", "--json"]) == 0
    assert [each["sample_id"] for each in json.loads(capsys.readouterr().out)] == [sample_id]
    assert command.main(["unpin", "--sample", sample_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sample_id": sample_id, "golden": False}
    assert command.main(["pins"]) == 0 and "Nothing is pinned" in capsys.readouterr().out
    assert command.main(["pin", "--sample", "none"]) == UnknownName.exit_code
