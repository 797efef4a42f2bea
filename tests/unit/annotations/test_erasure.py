"""An erased sample leaves its id, and a certificate says what was done, what is left, and what nobody here reaches."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from annotations import __main__ as command_line
from annotations import erasure, review_queue
from annotations.erasure import Certificate
from annotations.review_queue import retention
from annotations.schema import SampleRow, SnapshotRow
from annotations.store import Store, connect, facts, labels, open_store, runs, samples, snapshots, tallies
from annotations.store.snapshots import HELD_OUT, TRAIN, SnapshotEntry
from annotations.store.tallies import Counted
from mmdemo.errors import UnknownName
from mmdemo.settings import Settings
from mmdemo.values.samples import Inputs
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import RETRAINED, Sidecar
from tests.unit.annotations import sentiment

WORDS = ("zanzibar", "quokka", "oolong", "marzipan", "umbrella")  # caption, note, answers of free texts, a suggestion
CAPTION = f"the {WORDS[0]} sleeps"
PICTURE_SEED = 7


def offer(store: Store, sample: Inputs, **more: str) -> str:
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample), **more)[0]


def row_of(store: Store, sample_id: str) -> SampleRow:
    with store.reading() as session:
        return samples.get(session, sample_id)


def bytes_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def never(task: str) -> None:
    raise AssertionError("there is nothing to sync")


def erase(store: Store, config: Settings, sample_id: str) -> Certificate:
    return erasure.erase(store, config, sample_id, never)


@pytest.fixture
def corrected(store: Store) -> str:
    """A sample about which all is kept that can be, in words: as a task would whose answers are free texts."""
    sample = sentiment.inputs(CAPTION, seed=PICTURE_SEED)
    sample_id = offer(store, sample)
    offer(store, sample, suggested="negative")
    review_queue.correct(store, sentiment.TASKS, sample_id, "negative", "Ann", f"it says {WORDS[1]}")
    with store.session() as session:
        row = samples.get(session, sample_id)
        row.predicted_value, row.suggested = WORDS[2], WORDS[4]
        row.prediction = {**row.prediction, "label": WORDS[2]}
        [correction] = labels.history(session, sample_id)
        correction.value, correction.predicted_value = WORDS[3], WORDS[2]
        for challenger, split in (("v2", TRAIN), ("v3", HELD_OUT)):
            run_id = runs.start(session, sentiment.TASK.name, "v1", "d" * 64, 1, 1)
            entry = SnapshotEntry(sample_id, WORDS[3], split, WORDS[2], WORDS[3])
            snapshots.keep(session, run_id, [entry])
            runs.finish(session, run_id, challenger=challenger, verdict="promoted")
        session.commit()
    return sample_id


def test_nothing_of_an_erased_sample_is_left_in_the_home_folder_but_its_id(
    store: Store, config: Settings, corrected: str
) -> None:
    [picture] = [path for path in config.media.glob("*/*") if path.is_file()]
    data = picture.read_bytes()
    before = bytes_of(config.home)
    assert all(word.encode() in before for word in WORDS) and data in before
    erase(store, config, corrected)
    after = bytes_of(config.home)
    assert [word for word in WORDS if word.encode() in after] == []
    assert data[40:200] not in after and picture.name.encode() not in after
    assert corrected.encode() in after


def test_its_row_keeps_what_became_of_it_and_nothing_that_was_said(
    store: Store, config: Settings, corrected: str
) -> None:
    erase(store, config, corrected)
    row = row_of(store, corrected)
    assert (row.state, row.prediction, row.predicted_value, row.suggested) == ("labelled", None, "", None)
    assert (row.confidence, row.doubt) == (0.0, 0.0)
    with store.reading() as session:
        [correction] = labels.every(session, corrected)
        assert (correction.value, correction.predicted_value, correction.note) == ("", "", "")
        assert correction.withdrawn_at is not None and correction.annotator == "Ann"
        entries = [entry for _, entry in snapshots.of_sample(session, corrected)]
        assert {(one.value, one.champion, one.challenger) for one in entries} == {("", None, None)}
        assert tallies.by_item(session, sentiment.TASK.name, Counted.VALUE) == {}


def test_the_certificate_says_what_was_done_and_what_only_others_can(
    store: Store, config: Settings, corrected: str
) -> None:
    certificate = erase(store, config, corrected)
    assert certificate.removed == {
        "inputs": 2,
        "files": 1,
        "answers": 1,
        "queue_entries": 0,
        "consents": 2,
        "corrections": 1,
        "snapshot_rows": 2,
        "label_studio_tasks": 0,
    }
    assert (certificate.learned, certificate.judged) == (("v2",), ("v3",))
    assert certificate.is_complete
    assert "cli.erase_backups" in [reason.key for reason in certificate.beyond]
    again = erase(store, config, corrected)
    assert set(again.removed.values()) == {0}
    assert (again.erased_at, again.learned, again.judged) == (certificate.erased_at, ("v2",), ("v3",))


def test_what_another_sample_needs_stays_and_is_said(store: Store, config: Settings) -> None:
    one = offer(store, sentiment.inputs("a caption", seed=1))
    other = offer(store, sentiment.inputs("another caption", seed=1))
    certificate = erase(store, config, one)
    assert (certificate.removed["files"], certificate.removed["queue_entries"]) == (0, 1)
    assert "cli.erase_shared" in [reason.key for reason in certificate.done]
    assert (config.media / row_of(store, other).image).is_file()


def test_a_row_without_inputs_is_erased_too(store: Store, config: Settings) -> None:
    sample = sentiment.inputs()
    sure = sentiment.prediction(sample, 0.9)
    sample_id, _ = review_queue.offer(store, sentiment.TASK, sample, sure)
    certificate = erase(store, config, sample_id)
    assert (certificate.removed["answers"], certificate.removed["inputs"]) == (1, 0)
    row = row_of(store, sample_id)
    assert (row.prediction, row.state) == (None, "unflagged") and row.forgotten_at is not None
    review_queue.offer(store, sentiment.TASK, sample, sure)  # sent again, it is a row again
    row = row_of(store, sample_id)
    assert (row.predicted_value, row.forgotten_at) == ("positive", None)


def test_what_was_said_of_an_erased_sample_counts_no_more_when_it_comes_again(
    store: Store, config: Settings, corrected: str
) -> None:
    erase(store, config, corrected)
    assert offer(store, sentiment.inputs(CAPTION, seed=PICTURE_SEED)) == corrected
    row = row_of(store, corrected)
    assert (row.state, row.has_content, row.predicted_value) == ("queued", True, "positive")
    with store.reading() as session:
        assert labels.corrections(session) == []


def test_a_sample_that_nobody_knows_is_refused(store: Store, config: Settings) -> None:
    with pytest.raises(UnknownName, match="nosuch"):
        erase(store, config, "nosuch")


def test_what_was_erased_by_a_release_before_is_brought_to_its_id(config: Settings) -> None:
    config.home.mkdir()
    engine = connect.engine_for(connect.url_of(config))
    connect.migrate(engine, config.home, "0011")
    file = f"ab/{'c' * 62}.webp"
    named = {"key": "status.night_left_out", "values": {"count": 1, "samples": f"0123456789ab {file}"}}
    with engine.begin() as connection:
        for name, gone in (("erased", "'2026-11-03'"), ("kept", "NULL")):
            caption = "NULL" if name == "erased" else "'a dog'"
            connection.execute(
                text(
                    "INSERT INTO samples (sample_id, task, state, modalities, caption, predicted_value, confidence, "
                    "prediction, model_version, scored_by, doubt, created_at, updated_at, agreed_at, forgotten_at) "
                    f"VALUES ('{name}', 'sentiment', 'labelled', '[]', {caption}, 'oolong', 0.4, '{{}}', 'v1', 'v1', "
                    f"0.6, '2026-11-01', '2026-11-01', '2026-11-01', {gone})"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO corrections (sample_id, value, annotator, note, corrected_at, predicted_value, "
                    f"model_version, source) VALUES ('{name}', 'oolong', 'Ann', '', '2026-11-02', 'x', 'v1', 'page')"
                )
            )
        connection.execute(
            text(
                "INSERT INTO runs (task, state, verdict, reasons, figures, last_correction, started_at) VALUES "
                "('sentiment', 'done', 'waiting', :reasons, '{}', 0, '2026-11-01')"
            ),
            {"reasons": json.dumps([named])},
        )
    engine.dispose()
    with closing(open_store(config)) as store, store.reading() as session:
        erased, kept = (samples.get(session, name) for name in ("erased", "kept"))
        assert (erased.predicted_value, erased.prediction, kept.predicted_value) == ("", None, "oolong")
        [said] = labels.every(session, "erased")
        assert (said.value, said.withdrawn_at is None) == ("", False)
        assert [each.value for each in labels.history(session, "kept")] == ["oolong"]
        assert runs.last(session, "sentiment").reasons[0]["values"]["samples"] == "0123456789ab"
        assert session.get(SnapshotRow, (1, "erased")) is None
        assert facts.get(session, facts.ERASED) == {"due": True}  # its old words are still to be wiped


def test_the_command_prints_it(store: Store, config: Settings, corrected: str, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    assert command_line.main(["erase", "--sample", corrected, "--json"]) == 0
    certificate = json.loads(capsys.readouterr().out)
    assert (certificate["sample_id"], certificate["learned"], certificate["left"]) == (corrected, ["v2"], [])
    assert command_line.main(["erase", "--sample", corrected]) == 0
    lines = capsys.readouterr().out
    assert "was erased at" in lines and "learned by   v2" in lines and "Backups hold it" in lines
    assert command_line.main(["erase", "--sample", "nosuch"]) == 2
    assert "nosuch" in capsys.readouterr().err


def test_what_cannot_be_removed_is_said_and_the_same_call_goes_on_until_it_can(
    store: Store, config: Settings, corrected: str
) -> None:
    [picture] = [path for path in config.media.glob("*/*") if path.is_file()]
    tokens = config.tokens / sentiment.TASK.name / "encoders" / f"{corrected}.safetensors"
    for blocked in (picture, tokens):  # nobody can remove a folder as a file, not even root
        blocked.unlink(missing_ok=True)
        blocked.mkdir(parents=True)
        certificate = erase(store, config, corrected)
        assert not certificate.is_complete
        assert [reason.key for reason in certificate.left] == ["cli.erase_files_wait"]
        assert str(config.home) in certificate.left[0].sentence()
        assert WORDS[0].encode() not in bytes_of(config.home)
        blocked.rmdir()
    picture.write_bytes(b"still here")
    certificate = erase(store, config, corrected)
    assert certificate.is_complete and certificate.removed["files"] == 1 and not picture.exists()


def test_what_a_crash_left_behind_goes_with_the_next_round(store: Store, config: Settings, corrected: str) -> None:
    [picture] = [path for path in config.media.glob("*/*") if path.is_file()]
    data = picture.read_bytes()
    picture.unlink()
    picture.mkdir()
    assert not erase(store, config, corrected).is_complete
    picture.rmdir()
    picture.write_bytes(data)
    retention.expire(store, days=0)
    assert not picture.exists() and picture.name.encode() not in bytes_of(config.home)


def test_versions_are_told_apart_by_what_becomes_of_them(store: Store, config: Settings, corrected: str) -> None:
    task, versions = sentiment.TASK, Versions(config)
    with store.session() as session:
        for challenger, split in (("v4", snapshots.SUSPECT), ("v5", snapshots.COPY), ("v6", snapshots.GOLDEN)):
            run_id = runs.start(session, task.name, "v1", "d" * 64, 1, 1)
            snapshots.keep(session, run_id, [SnapshotEntry(corrected, "negative", split)])
            runs.finish(session, run_id, challenger=challenger, verdict="rejected")
        for gone in ("v7", "v8"):  # by a release that kept no snapshots
            runs.finish(session, runs.start(session, task.name, "v1", "d" * 64, 1, 1), challenger=gone)
        session.commit()
    for name, parent, command in (("v2", "v1", RETRAINED), ("E1", "v2", "train"), ("v7", "v1", RETRAINED)):
        about = Sidecar(name, task.name, task.kind, task.label_names, task.modalities, name)
        sidecar.write(versions.folder(task.name, name), replace(about, parent=parent, command=command))
    versions.promote(task.name, "E1")
    certificate = erase(store, config, corrected)
    assert (certificate.learned, certificate.inherited, certificate.unknown) == (("v2",), ("E1",), ("v7",))
    assert certificate.judged == ("v3", "v6")
    keys = [[reason.key for reason in part] for part in (certificate.done, certificate.left, certificate.beyond)]
    assert "cli.erase_learned" in keys[0] and "cli.erase_serves" in keys[0]  # the next run replaces it
    assert not keys[1] and keys[2][0] == "cli.erase_unknown" and certificate.is_complete


def test_that_no_version_learned_it_is_only_said_where_it_is_known(
    store: Store, config: Settings, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    sample_id = offer(store, sentiment.inputs())
    assert command_line.main(["erase", "--sample", sample_id]) == 0
    assert "learned by   no version\n" in capsys.readouterr().out
    task = sentiment.TASK
    about = Sidecar("v7", task.name, task.kind, task.label_names, task.modalities, "v7")
    sidecar.write(Versions(config).folder(task.name, "v7"), about)
    with store.session() as session:
        runs.finish(session, runs.start(session, task.name, "v1", "d" * 64, 1, 1), challenger="v7")
        session.commit()
    assert command_line.main(["erase", "--sample", sample_id]) == 0
    assert "learned by   no version that is known of" in capsys.readouterr().out
