"""After another version has come to serve, what waits there has its guess, its map, and its place in the order."""

import pytest

from annotations import review_queue
from annotations.acquisition import rescoring
from annotations.labelstudio import check
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.remote_projects import SYSTEM
from annotations.labelstudio.translation import tasks
from annotations.store import labels, remote_links
from tests.fake_label_studio import KEY
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.acquisition.test_rescoring import Version
from tests.unit.annotations.labelstudio.conftest import MARK, Loop
from tests.unit.annotations.labelstudio.test_health import audit, guesses


def score(loop: Loop, version: str = "v2", label: str = "negative", **confidence: float) -> None:
    rescoring.rescore(loop.store, given.TASK, Version(version, confidence, label))


def said(loop: Loop, sample_id: str) -> dict:
    """Return the one prediction of its task."""
    (task,) = loop.there(sample_id)
    (only,) = loop.server.predictions[task]["predictions"]
    return only


def preselected(loop: Loop) -> str:
    return next(each.model_version for each in loop.server.projects.values() if each.title == tasks.title(given.TASK))


def test_the_guess_there_is_the_fresh_one_and_it_is_preselected(loop: Loop) -> None:
    ids = [loop.visit(caption, seed=seed)[0] for seed, caption in enumerate(("one", "two", "three"))]
    loop.sync()
    score(loop, one=0.9, two=0.5)
    assert loop.sync() == SyncReport(mended=3, waiting=3)
    assert [guesses(loop, sample_id) for sample_id in ids] == [[("v2", "negative")]] * 3
    assert [round(said(loop, sample_id)["score"], 2) for sample_id in ids[:2]] == [0.9, 0.5]  # it asks by the score
    assert preselected(loop) == "v2"
    for sample_id in ids:
        _, remote = loop.server.tasks[loop.there(sample_id)[0]]
        row = loop.row(sample_id)
        assert remote.data["looked"] and row.state == "sent" and row.model_version == "v1"
    assert loop.sync() == SyncReport(waiting=3)
    assert "cli.check_sick" not in {reason.key for reason in check.run(loop.config, loop.server.connect)}


def test_what_is_sent_later_has_the_fresh_guess_and_goes_in_its_order(loop: Loop) -> None:
    surely, _ = loop.visit("one", confidence=0.35)
    doubted, _ = loop.visit("two", confidence=0.5)
    score(loop, one=0.9, two=0.4)
    loop.sync()
    assert [guesses(loop, sample_id) for sample_id in (surely, doubted)] == [[("v2", "negative")]] * 2
    assert loop.there(doubted) < loop.there(surely)


def test_the_map_there_is_of_the_guess_that_stands_there(loop: Loop) -> None:
    sample_id, _ = loop.visit("one", seed=1)
    loop.sync()
    _, before = loop.server.tasks[loop.there(sample_id)[0]]
    score(loop)
    loop.sync()
    _, after = loop.server.tasks[loop.there(sample_id)[0]]
    assert after.data["looked"] != before.data["looked"] and after.data["image"] in after.data["looked"]
    assert {**after.data, "looked": ""} == {**before.data, "looked": ""}


def test_promotions_and_going_back_leave_one_guess_each(loop: Loop) -> None:
    sample_id, _ = loop.visit("one")
    loop.sync()
    for version, label in (("v2", "negative"), ("v3", "neutral"), ("v1", "positive"), ("v3", "neutral")):
        score(loop, version, label)
        assert loop.sync() == SyncReport(mended=1, waiting=1)
        assert (guesses(loop, sample_id), preselected(loop)) == ([(version, label)], version)


@pytest.mark.parametrize("broken", ["set_data", "delete_guess", "add_guesses"])
def test_a_round_that_breaks_off_is_finished_by_the_next(loop: Loop, broken: str) -> None:
    ids = [loop.visit(f"text {number}", seed=number)[0] for number in range(3)]
    loop.sync()
    score(loop)
    loop.sync_cut_off(broken)
    loop.sync()
    assert [guesses(loop, sample_id) for sample_id in ids] == [[("v2", "negative")]] * 3
    assert loop.sync() == SyncReport(waiting=3)


def test_it_is_seen_between_two_rounds_too(loop: Loop) -> None:
    ids = [loop.visit(caption)[0] for caption in ("one", "two")]
    rounds: list[str] = []

    def go_on(name: str) -> None:
        rounds.extend(["round"] if name == "projects" else [])
        if name == "projects" and len(rounds) == 3:
            score(loop)
        if len(rounds) == 5:
            raise KeyboardInterrupt

    loop.server.before = go_on
    loop.sync(watch=0.001)
    assert [guesses(loop, sample_id) for sample_id in ids] == [[("v2", "negative")]] * 2
    with loop.store.reading() as session:
        place = next(iter(remote_links.places(session, SYSTEM, given.TASK.name)))
        assert {link.model_version for link in remote_links.links(session, SYSTEM, place, given.TASK.name)} == {"v2"}
        assert remote_links.out_of_step(session, SYSTEM, place, given.TASK.name) == []
    assert preselected(loop) == "v2"


def test_a_fresh_guess_that_the_server_drops_is_sent_by_the_next_round(loop: Loop) -> None:
    sample_id, _ = loop.visit("one")
    rounds: list[str] = []

    def go_on(name: str) -> None:
        rounds.extend(["round"] if name == "projects" else [])
        if name == "projects" and len(rounds) == 2:
            score(loop)
        if len(rounds) == 5:
            raise KeyboardInterrupt

    loop.server.before = go_on
    loop.server.drops_guesses = lambda: len(rounds) == 2
    loop.sync(watch=0.001)
    assert guesses(loop, sample_id) == [("v2", "negative")]


def test_what_others_said_there_and_what_was_answered_is_left_as_it_is(loop: Loop) -> None:
    sample_id, _ = loop.visit("one")
    answered, _ = loop.visit("two")
    checked = audit(loop)
    loop.sync()
    score(loop)
    (task,) = loop.there(sample_id)
    client = loop.server.connect(loop.server.url, KEY)
    theirs = {"task": task, "model_version": "theirs", "result": [tasks.result(given.TASK, "neutral")]}
    client.add_guesses(loop.server.tasks[task][0], [theirs])
    loop.annotate(answered, "neutral")
    assert loop.sync() == SyncReport(pulled=1, mended=2, waiting=2)
    assert guesses(loop, sample_id) == [("theirs", "neutral"), ("v2", "negative")]
    assert guesses(loop, answered) == [("v1", "positive")]  # beside which it was answered
    assert guesses(loop, checked) == [("v2", None)]
    assert loop.sync() == SyncReport(waiting=2)


def test_a_mark_given_there_stands_whatever_is_said_since(loop: Loop) -> None:
    sample_id, _ = loop.visit("one")
    loop.sync()
    score(loop)
    loop.sync()
    (task,) = loop.there(sample_id)
    loop.server.annotate(task, [tasks.result(given.TASK, "negative"), MARK])
    loop.sync()
    assert loop.marks(sample_id) == [("negative", True)]
    with loop.store.reading() as session:
        [correction] = labels.history(session, sample_id)
    assert (correction.predicted_value, correction.model_version) == ("negative", "v2")
    sample = given.inputs("one")  # its visitor disputes what was answered: it is asked about again
    review_queue.offer(loop.store, given.TASK, sample, given.prediction(sample), suggested="neutral")
    score(loop, "v3", "neutral")
    assert loop.sync().withdrawn == 0
    assert loop.marks(sample_id) == [("negative", True)]
