"""Export and import: what one writes the other reads, twice without harm."""

import csv
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotations import export, review_queue
from annotations.store import Store, labels, open_store, samples
from mmdemo.errors import ManifestError, StorageError, UnknownName
from mmdemo.settings import Settings
from mmdemo.training import manifests
from mmdemo.values.review import Correction
from tests.unit.annotations import sentiment

ODD = "你好 🙂 <script> \u2028 line\x85end"


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """The store of another home."""
    opened = open_store(Settings(home=tmp_path / "other"))
    yield opened
    opened.close()


def labelled(
    store: Store, caption: str = "quiet", label: str = "negative", seed: int | None = None, mark: bool = False
) -> str:
    sample = sentiment.inputs(caption, seed)
    sample_id, _ = review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample, version="v5"))
    review_queue.correct(store, sentiment.TASKS, sample_id, label, "Ann", "=a note", mark)
    return sample_id


def corrections(store: Store) -> list[Correction]:
    with store.reading() as session:
        return [row.correction for row in labels.corrections(session)]


def test_the_manifest_has_the_fields_of_the_contract_and_its_media_beside_it(store: Store, tmp_path: Path) -> None:
    sample_id = labelled(store, ODD, seed=1)
    assert export.write_folder(store, ["sentiment"], tmp_path / "out") == {"sentiment": 1}
    [entry] = [json.loads(line) for line in (tmp_path / "out" / "sentiment.jsonl").read_text("utf-8").splitlines()]
    assert (entry["id"], entry["text"], entry["label"], entry["audio"]) == (sample_id, ODD, "negative", None)
    assert (entry["annotator"], entry["predicted_label"], entry["model_version"]) == ("Ann", "positive", "v5")
    assert {"group", "extra", "corrected_at"} <= set(entry)
    assert (tmp_path / "out" / entry["image"]).is_file()


def test_what_is_exported_is_a_manifest_to_train_on(store: Store, tmp_path: Path) -> None:
    sample_id = labelled(store, ODD, seed=1)
    export.write_folder(store, ["sentiment"], tmp_path)
    [row] = manifests.read(tmp_path / "sentiment.jsonl", sentiment.TASK)
    assert (row.id, row.label, row.sample.text) == (sample_id, "negative", ODD)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_an_export_goes_on_without_a_file_that_is_missing_or_damaged_and_names_it(
    store: Store, tmp_path: Path, caplog, damage
) -> None:
    whole, lacking = labelled(store, "whole", seed=1), labelled(store, "lacking", seed=2)
    with store.reading() as session:
        name = samples.get(session, lacking).image
    damage(store.media / name)
    assert export.write_folder(store, ["sentiment"], tmp_path) == {"sentiment": 2}
    rows = {row.id: row.sample for row in manifests.read(tmp_path / "sentiment.jsonl", sentiment.TASK)}
    assert rows[whole].image.is_file() and (rows[lacking].image, rows[lacking].text) == (None, "lacking")
    assert caplog.messages == [
        f"Sample {lacking} is exported without its file {name}, which is missing or damaged here."
    ]


def test_import_restores_the_corrections_of_another_home_once(store: Store, other: Store, tmp_path: Path) -> None:
    ids = [
        labelled(store, ODD, seed=1),
        labelled(store, "plain", "neutral"),
        labelled(store, "right", "positive", mark=True),
    ]
    export.write_folder(store, ["sentiment"], tmp_path)
    path = tmp_path / "sentiment.jsonl"
    assert export.read_manifest(other, sentiment.TASK, path) == export.Imported(added=3, known=0)
    assert export.read_manifest(other, sentiment.TASK, path) == export.Imported(added=0, known=3)
    assert [correction.wrong_reason for correction in corrections(other)] == [False, False, True]
    assert corrections(other) == [replace(correction, source="import") for correction in corrections(store)]
    with other.reading() as session:
        row = samples.get(session, ids[0])
        assert (row.state, row.caption) == ("labelled", ODD)
        assert (other.media / row.image).is_file()


def test_importing_ones_own_export_changes_nothing(store: Store, tmp_path: Path) -> None:
    labelled(store, seed=1)
    before = corrections(store)
    export.write_folder(store, ["sentiment"], tmp_path)
    assert export.read_manifest(store, sentiment.TASK, tmp_path / "sentiment.jsonl").added == 0
    assert corrections(store) == before


def test_a_newer_correction_is_kept_and_an_older_one_replaced(store: Store, tmp_path: Path) -> None:
    sample_id = labelled(store, "quiet", "negative")
    for moment, label, counts in (
        ("2020-01-01T00:00:00+00:00", "neutral", "negative"),
        ("2999-01-01", "neutral", "neutral"),
    ):
        path = manifest(
            tmp_path, {"id": "x", "text": "quiet", "label": label, "corrected_at": moment, "annotator": moment}
        )
        export.read_manifest(store, sentiment.TASK, path)
        with store.reading() as session:
            assert labels.history(session, sample_id)[-1].value == counts


def test_a_mark_is_news_and_a_manifest_without_one_does_not_speak_of_it(store: Store, tmp_path: Path) -> None:
    labelled(store, "quiet", "positive")
    line = {"id": "x", "text": "quiet", "label": "positive", "predicted_label": "positive"}
    for mark, added, marked in ((None, 0, False), (True, 1, True), (None, 0, True), (True, 0, True)):
        path = manifest(tmp_path, line if mark is None else {**line, "wrong_reason": mark})
        assert export.read_manifest(store, sentiment.TASK, path).added == added
        assert corrections(store)[0].wrong_reason == marked


@pytest.mark.parametrize("form", export.FORMS)
def test_the_chance_with_which_a_sample_was_drawn_goes_out_and_comes_in(
    store: Store, tmp_path: Path, form: str
) -> None:
    lines = [{"id": name, "text": name, "label": "neutral"} for name in ("drawn", "not")]
    export.read_manifest(store, sentiment.TASK, manifest(tmp_path, {**lines[0], "drawn": 0.25}, lines[1]))
    export.write_folder(store, [sentiment.TASK.name], tmp_path / "out")
    with closing(open_store(Settings(home=tmp_path / "other"))) as other:
        export.read_manifest(other, sentiment.TASK, tmp_path / "out" / f"{sentiment.TASK.name}.{form}")
        with other.reading() as session:
            rows = labels.corrections(session, sentiment.TASK.name)
    assert {row.text: (row.stratum, row.propensity) for row in rows} == {
        "drawn": ("audited", 0.25),
        "not": (None, None),
    }


def test_a_plain_manifest_is_imported_as_by_import_and_waiting_samples_are_answered(
    store: Store, tmp_path: Path
) -> None:
    sample = sentiment.inputs("quiet")
    sample_id, _ = review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))
    path = manifest(
        tmp_path, {"id": "a", "text": "quiet", "label": "neutral"}, {"id": "b", "text": "new", "label": "neutral"}
    )
    assert export.read_manifest(store, sentiment.TASK, path).added == 2
    assert {correction.annotator for correction in corrections(store)} == {"import"}
    with store.reading() as session:
        assert (samples.waiting(session), samples.get(session, sample_id).state) == ([], "labelled")


def test_an_import_that_was_taken_back_stays_taken_back(store: Store, tmp_path: Path) -> None:
    path = manifest(tmp_path, {"id": "a", "text": "new", "label": "neutral"})
    export.read_manifest(store, sentiment.TASK, path)
    review_queue.correct(store, sentiment.TASKS, corrections(store)[0].sample_id, "negative", "Ann")
    assert export.read_manifest(store, sentiment.TASK, path).added == 0
    assert [correction.label for correction in corrections(store)] == ["negative"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"id": "a", "text": "x", "label": "splendid"}, "splendid"),
        ({"id": "a", "image": "none.png", "label": "neutral"}, "none.png"),
        ({"id": "a", "text": "x" * 100_000, "label": "neutral"}, '"a"'),
        ({"id": "a", "text": "x", "label": "neutral", "wrong_reason": "yes"}, "must be true/false"),
        ({"id": "a", "text": "x", "label": "neutral", "drawn": 1.5}, "above 0, up to 1"),
        ({"id": "a", "text": "x", "label": "neutral", "drawn": "often"}, "above 0, up to 1"),
        (
            {"id": "a", "text": "x", "label": "neutral", "predicted_label": "positive", "wrong_reason": True},
            'the model said "positive", not "neutral"',
        ),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(
    store: Store, tmp_path: Path, line: dict[str, Any], said: str
) -> None:
    with pytest.raises(ManifestError, match=said):
        export.read_manifest(store, sentiment.TASK, manifest(tmp_path, line))
    assert corrections(store) == []


def test_nothing_is_stored_of_a_manifest_whose_later_row_is_refused(store: Store, tmp_path: Path) -> None:
    good = {"id": "a", "text": "x", "label": "neutral"}
    for bad in ({"text": "x" * 100_000}, {"text": "y", "annotator": "n" * 1_000}):
        path = manifest(tmp_path, good, {"id": "b", "label": "neutral", **bad})
        with pytest.raises(ManifestError, match=r'"b" .* Nothing was stored'):
            export.read_manifest(store, sentiment.TASK, path)
    assert corrections(store) == []


def test_who_corrected_it_is_read_as_the_samples_are(store: Store, tmp_path: Path) -> None:
    about = {"annotator": "Ann", "corrected_at": "2025-01-02T03:04:05+00:00", "predicted_label": "positive"}
    line = json.dumps({"id": "a", "text": "one \u2028 two", "label": "neutral", **about}, ensure_ascii=False)
    (tmp_path / "given.jsonl").write_text(line + "\n", "utf-8-sig")
    export.read_manifest(store, sentiment.TASK, tmp_path / "given.jsonl")
    [correction] = corrections(store)
    assert {name: getattr(correction, name) for name in about} == about


def test_the_csv_opens_in_a_spreadsheet_without_computing_anything(store: Store, tmp_path: Path) -> None:
    for caption in ("=1+1", "+1", "-1", "@sum", "fine", ODD):
        labelled(store, caption)
    export.write_folder(store, ["sentiment"], tmp_path)
    data = (tmp_path / "sentiment.csv").read_bytes()
    assert data.startswith("\ufeff".encode())
    rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines(keepends=True)[:6]))
    assert [row["text"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@sum", "fine"]
    assert {row["note"] for row in rows} == {"'=a note"}


ODD_TEXTS = ("=1+1", "＝1+1", "\n=1+1", "\t+1", "'=1", "it's", "two\r\nlines", " blank ", 'say "no", please', ODD)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_goes_out_comes_in_elsewhere_unchanged(store: Store, other: Store, tmp_path: Path, form: str) -> None:
    for number, caption in enumerate(ODD_TEXTS):
        labelled(store, caption, seed=number, mark=number == 0, label="positive")
    export.write_folder(store, ["sentiment"], tmp_path)
    assert export.read_manifest(other, sentiment.TASK, tmp_path / f"sentiment.{form}").added == len(ODD_TEXTS)
    with store.reading() as here, other.reading() as there:
        before, after = labels.corrections(here), labels.corrections(there)
    assert [row.text for row in after] == list(ODD_TEXTS)
    assert [(row.image, replace(row.correction, source="import")) for row in before] == [
        (row.image, row.correction) for row in after
    ]


def test_forms_and_folders_that_do_not_exist_are_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="jsonl, csv"):
        export.write_file([], tmp_path, "sentiment", "xml")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        export.write_folder(store, ["sentiment"], tmp_path / "file")


def manifest(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "given.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def test_none_of_these_goes_out_and_comes_in_where_the_task_has_it(store: Store, other: Store, tmp_path: Path) -> None:
    sample = sentiment.inputs("neither")
    refusing = replace(sentiment.TASK, none_of_these=True)
    guess = sentiment.prediction(sample)
    neither = replace(guess.labelled, label="none_of_these", none_of_these=0.5)
    answer = replace(guess, answer=neither, confidence=0.5, reason="low_confidence")
    sample_id, _ = review_queue.offer(store, refusing, sample, answer)
    with store.reading() as session:
        row = samples.get(session, sample_id)
        assert (row.predicted_value, row.doubt) == ("none_of_these", pytest.approx(0.5))
    with pytest.raises(UnknownName, match="none_of_these"):
        review_queue.correct(store, sentiment.TASKS, sample_id, "none_of_these", "Ann")
    correction = review_queue.correct(
        store, {"sentiment": refusing}, sample_id, "none_of_these", "Ann", wrong_reason=True
    )
    assert (correction.label, correction.predicted_label) == ("none_of_these", "none_of_these")
    export.write_folder(store, ["sentiment"], tmp_path)
    with pytest.raises(ManifestError, match="none_of_these"):
        export.read_manifest(other, sentiment.TASK, tmp_path / "sentiment.jsonl")
    assert export.read_manifest(other, refusing, tmp_path / "sentiment.jsonl").added == 1
    assert [row.label for row in corrections(other)] == ["none_of_these"]
