"""Projects, refusals, the lock, the watch: what stands around the exchange."""

import signal
import threading
from contextlib import closing
from dataclasses import replace

import pytest

from annotations import status
from annotations.labelstudio import sync
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.review_queue import retention
from annotations.store import open_store, runs
from mmdemo.errors import Busy, LabelStudioError, UnknownName
from mmdemo.tasks import load_all
from tests.fake_label_studio import KEY
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.labelstudio.conftest import Loop


def away(*_: object) -> None:
    raise LabelStudioError("label_studio_away", url="http://x/", detail="refused")


def project(loop: Loop):
    (project,) = [each for each in loop.server.projects.values() if each.title == tasks.title(given.TASK)]
    return project


def test_each_task_gets_a_project_with_its_labels(loop: Loop) -> None:
    report = sync.run(loop.config, connect=loop.server.connect)
    shipped = load_all()
    assert report == SyncReport(created=len(shipped))
    assert {each.title for each in loop.server.projects.values()} == {f"mmdemo: {name}" for name in shipped}
    assert tasks.fits(project(loop).label_config, given.TASK)
    assert sync.run(loop.config, connect=loop.server.connect) == SyncReport()


def test_another_home_has_a_project_of_its_own_on_the_same_server(loop: Loop, tmp_path) -> None:
    sample_id, _ = loop.visit("in both", seed=1)
    loop.sync()
    before = loop.server.state()
    config = replace(loop.config, home=tmp_path / "other")
    with closing(open_store(config)) as store:
        other = Loop(config, store, loop.server)
        _, prediction_id = other.visit("in both", seed=1)
        assert other.sync() == SyncReport(created=1, pushed=1, waiting=1)
        assert len(loop.there(sample_id)) == len(loop.files(sample_id)) == 2
        retention.forget(store, prediction_id)
        assert other.sync() == SyncReport(removed=1)
        assert other.sync() == SyncReport()
    assert all(table.items() >= kept.items() for table, kept in zip(loop.server.state(), before, strict=True))
    assert loop.sync() == SyncReport(waiting=1)
    titles = [each.title for each in loop.server.projects.values()]
    assert len(set(titles)) == 4


def test_a_project_whose_making_was_not_heard_of_is_not_made_twice(loop: Loop) -> None:
    def cut(name: str) -> None:
        if name == "create_project done":
            away()

    loop.server.before = cut
    with pytest.raises(LabelStudioError):
        loop.sync()
    loop.server.before = lambda _: None
    assert loop.sync() == SyncReport()
    assert len(loop.server.projects) == 1


def test_a_description_that_was_rewritten_there_gets_its_id_back(loop: Loop) -> None:
    loop.sync()
    ours = project(loop)
    loop.server.projects[ours.id] = replace(ours, description="Feelings of our visitors.")
    assert loop.sync() == SyncReport()
    assert project(loop).description == tasks.with_place("Feelings of our visitors.", tasks.place_of(ours.description))


def test_a_project_that_was_renamed_there_is_still_ours(loop: Loop) -> None:
    loop.sync()
    ours = project(loop)
    loop.server.projects[ours.id] = replace(ours, title="Feelings")
    assert loop.sync() == SyncReport()


def test_somebody_elses_project_of_that_title_is_not_touched(loop: Loop) -> None:
    client = loop.server.connect("", KEY)
    client.create_project(tasks.title(given.TASK), "my own", "<View></View>")
    loop.visit("hm")
    before = loop.server.state()
    with pytest.raises(LabelStudioError, match='"mmdemo: sentiment"'):
        loop.sync()
    assert loop.server.state() == before


def test_a_changed_task_changes_the_config_and_what_people_added_stays(loop: Loop) -> None:
    loop.sync()
    ours = project(loop)
    added = ours.label_config.replace("<Header", '<TextArea name="why" toName="image" /><Header')
    loop.server.projects[ours.id] = replace(ours, label_config=added)
    loop.sync()
    assert project(loop).label_config == added
    loop.server.projects[ours.id] = replace(ours, label_config=added.replace('alias="neutral"', 'alias="meh"'))
    loop.sync()
    assert tasks.fits(project(loop).label_config, given.TASK)


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"label_studio_api_key": ""}, "not set: LABEL_STUDIO_API_KEY."),
        ({"label_studio_url": " "}, "not set: LABEL_STUDIO_URL."),
        ({"label_studio_url": "", "label_studio_api_key": ""}, "not set: LABEL_STUDIO_URL, LABEL_STUDIO_API_KEY."),
    ],
)
def test_both_settings_are_needed(loop: Loop, missing: dict[str, str], named: str) -> None:
    loop.config = replace(loop.config, **missing)
    with pytest.raises(LabelStudioError, match=named):
        loop.sync()


def test_an_unknown_task_is_refused_with_the_known_ones(loop: Loop) -> None:
    with pytest.raises(UnknownName, match="sentiment"):
        sync.run(loop.config, "no such task", connect=loop.server.connect)


def notices(loop: Loop, task: str) -> list[str]:
    config = loop.config
    return [notice.key for notice in status.of(loop.store, config, load_all()[task]).notices]


def test_one_sick_project_does_not_stop_the_others_and_is_named_in_status(loop: Loop, capsys) -> None:
    client = loop.server.connect("", KEY)
    taken = client.create_project(tasks.title(given.TASK), "my own", "<View></View>")
    with pytest.raises(LabelStudioError) as refused:
        sync.run(loop.config, connect=loop.server.connect)
    assert (refused.value.key, refused.value.values["tasks"]) == ("label_studio_some", given.TASK.name)
    assert (
        f'{given.TASK.name}: Label Studio at {client.url} has a project "mmdemo: sentiment"' in capsys.readouterr().err
    )
    assert len(loop.server.projects) == len(load_all())  # theirs, and ours of all other tasks
    assert notices(loop, given.TASK.name) == ["status.sync_trouble", "error.label_studio_title_taken"]
    with loop.store.reading() as session:
        first, why = runs.trouble(session, given.TASK.name, "label_studio")
    assert why.values["number"] == str(taken.id)
    with pytest.raises(LabelStudioError):
        loop.sync()
    with loop.store.reading() as session:
        assert runs.trouble(session, given.TASK.name, "label_studio")[0] == first  # since when does not move
    assert {name: notices(loop, name) for name in load_all() if name != given.TASK.name} == {
        name: [] for name in load_all() if name != given.TASK.name
    }
    loop.server.projects.pop(taken.id)
    assert loop.sync().created == 1
    assert notices(loop, given.TASK.name) == []


def test_the_watch_goes_on_with_the_others(loop: Loop, capsys) -> None:
    client = loop.server.connect("", KEY)
    client.create_project(tasks.title(given.TASK), "my own", "<View></View>")
    left = [1, 2]

    def connect(url: str, key: str):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return loop.server.connect(url, key)

    assert sync.run(loop.config, watch=0.0, connect=connect) == SyncReport(created=len(load_all()) - 1)
    assert capsys.readouterr().err.count("that was not made from here") == 2


def test_a_server_that_is_away_is_named_in_status(loop: Loop) -> None:
    loop.server.before = away
    with pytest.raises(LabelStudioError):
        loop.sync()
    assert notices(loop, given.TASK.name) == ["status.sync_trouble", "error.label_studio_away"]


def test_one_sync_at_a_time(loop: Loop) -> None:
    inside = []

    def second(name: str) -> None:
        loop.server.before = lambda _: None
        with pytest.raises(Busy) as busy:
            loop.sync()
        inside.append(busy.value.exit_code)

    loop.server.before = second
    loop.sync()
    assert inside == [75]


def test_a_round_that_went_through_is_written_down(loop: Loop) -> None:
    loop.visit("hm")
    loop.sync()
    with loop.store.reading() as session:
        last = runs.last_sync(session, given.TASK.name)
    assert (last.system, last.pushed, last.pulled) == ("label_studio", 1, 0)


def test_one_that_broke_off_is_not(loop: Loop) -> None:
    loop.server.before = away
    with pytest.raises(LabelStudioError):
        loop.sync()
    with loop.store.reading() as session:
        assert runs.last_sync(session, given.TASK.name) is None


def rounds(loop: Loop, *steps) -> list[int]:
    """Watch; before each round the next step happens, and after the last one somebody presses Ctrl-C."""
    left, done = list(steps), []

    def connect(url: str, key: str):
        done.append(len(done))
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()
        return loop.server.connect(url, key)

    loop.report = sync.run(loop.config, given.TASK.name, watch=0.0, connect=connect)
    return done


def test_the_watch_goes_on_until_it_is_stopped_and_adds_up(loop: Loop) -> None:
    first, _ = loop.visit("first")
    rounds(loop, lambda: None, lambda: loop.annotate(first, "neutral"), lambda: loop.visit("second"))
    assert loop.report == SyncReport(created=1, pushed=2, pulled=1, waiting=1)


def test_the_watch_waits_for_a_server_that_is_away_from_the_start(loop: Loop, capsys) -> None:
    loop.visit("hm")
    rounds(loop, away, away, lambda: None)
    assert loop.report.pushed == 1
    said = capsys.readouterr()
    assert said.err.count("does not answer") == said.err.count("Trying again in 0 s.") == 2
    assert said.out == ""


def test_the_watch_waits_for_a_server_with_an_error_of_its_own_from_the_start(loop: Loop, capsys) -> None:
    def broken() -> None:
        raise LabelStudioError("label_studio_fault", url="http://x/", detail="500 an HTML page")

    loop.visit("hm")
    rounds(loop, broken, lambda: None)
    assert loop.report.pushed == 1
    assert "had an error of its own" in capsys.readouterr().err


def test_a_renewed_key_is_read_without_a_restart(loop: Loop) -> None:
    loop.visit("hm")
    keys, asked = [KEY, "expired", KEY], []

    def reload():
        if not keys:
            raise KeyboardInterrupt
        return replace(loop.config, label_studio_api_key=keys.pop(0))

    def connect(url: str, key: str):
        asked.append(key)
        return loop.server.connect(url, key)

    report = sync.run(loop.config, given.TASK.name, 0.0, connect, reload)
    assert (asked, report.pushed) == ([KEY, "expired", KEY], 1)


def test_the_watch_survives_any_refusal_once_it_has_started(loop: Loop, capsys) -> None:
    def refused() -> None:
        raise LabelStudioError("label_studio_key", url="http://x/", detail="401")

    rounds(loop, lambda: None, refused, lambda: loop.visit("hm"))
    assert loop.report.pushed == 1
    assert "refuses the key" in capsys.readouterr().err


def test_the_watch_does_not_start_with_a_wrong_key(loop: Loop) -> None:
    loop.config = replace(loop.config, label_studio_api_key="wrong")
    with pytest.raises(LabelStudioError, match="refuses the key"):
        rounds(loop, lambda: None)


def test_sigterm_ends_the_watch_like_ctrl_c_and_is_put_back(loop: Loop) -> None:
    before = signal.getsignal(signal.SIGTERM)
    rounds(loop, lambda: None, lambda: signal.raise_signal(signal.SIGTERM), lambda: loop.visit("never sent"))
    assert loop.report == SyncReport(created=1)
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_watch_runs_in_a_thread_too(loop: Loop) -> None:
    loop.visit("hm")
    thread = threading.Thread(target=rounds, args=(loop, lambda: None))
    with closing(loop.store):
        thread.start()
        thread.join()
    assert loop.report.pushed == 1


def test_the_report_is_one_sentence() -> None:
    assert str(SyncReport(pushed=3, pulled=2, waiting=7)) == (
        "Label Studio: 3 sent, 2 corrections fetched, 0 skipped, 0 withdrawn, 0 taken back, 0 mended; "
        "7 wait there, 0 say no label of the task."
    )
