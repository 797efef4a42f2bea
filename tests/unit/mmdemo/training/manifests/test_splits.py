"""What is alike stays on one side, the same way on every machine."""

import json
from collections import Counter
from pathlib import Path

import pytest

from mmdemo.errors import ManifestError
from mmdemo.training import manifests
from mmdemo.training.manifests import Row, splits
from mmdemo.values.samples import Sample


def row(number: int, **changes: object) -> Row:
    return Row(**{"id": str(number), "sample": Sample(text=f"caption {number}"), "label": "neutral", **changes})


def test_speakers_stay_on_one_side() -> None:
    rows = [row(n, group="g", extra={"speaker": f"s{n % 10}"}) for n in range(100)]
    train, aside = splits.calibration_split(rows, 0.2)
    assert len(aside) == 20
    assert not {r.extra["speaker"] for r in train} & {r.extra["speaker"] for r in aside}


def test_a_group_of_few_speakers_loses_none() -> None:
    few = [row(n, group="few", extra={"speaker": f"f{n % 2}"}) for n in range(100)]
    many = [row(n + 100, group="many", extra={"speaker": f"s{n % 10}"}) for n in range(100)]
    assert {r.group for r in splits.calibration_split([*few, *many], 0.2)[1]} == {"many"}


def test_one_of_few_speakers_is_set_aside_as_a_whole() -> None:
    rows = [row(n, group="few", extra={"speaker": f"f{n % 4}"}) for n in range(100)]
    assert len({r.extra["speaker"] for r in splits.calibration_split(rows, 0.1)[1]}) == 1
    assert len(splits.calibration_split(rows, 0.1)[1]) == 25


def test_samples_are_set_aside_where_no_speaker_can_be_spared() -> None:
    rows = [row(n, group="few", extra={"speaker": f"f{n % 2}"}) for n in range(100)]
    train, aside = splits.calibration_split(rows, 0.2)
    assert 5 < len(aside) < 40 and len(train) + len(aside) == 100
    assert splits.calibration_split(rows, 0.0)[1] == []


@pytest.mark.parametrize("by", ["room", "group"])
def test_the_field_that_never_crosses_is_named(by: str) -> None:
    source = {"group": lambda n: f"r{n}", "room": lambda n: "one"}[by]
    rows = [row(n, group=source(n % 10), extra={"speaker": str(n), "room": f"r{n % 10}"}) for n in range(100)]
    train, aside = splits.part(rows, 0.2, by)
    assert len(aside) == 20 and not {r.extra["room"] for r in train} & {r.extra["room"] for r in aside}


def test_folds_keep_speakers_together_and_labels_even() -> None:
    rows = [row(n, label=("negative", "neutral")[n // 50], extra={"speaker": f"s{n % 10}"}) for n in range(100)]
    parts = splits.folds(rows, 5)
    speakers = [{r.extra["speaker"] for r in part} for part in parts]
    assert sorted(r.id for part in parts for r in part) == sorted(r.id for r in rows)
    assert sum(len(speakers_of) for speakers_of in speakers) == 10 and all(
        len(speakers_of) == 2 for speakers_of in speakers
    )
    assert all(Counter(r.label for r in part)["neutral"] == 10 for part in parts)


def test_more_folds_than_speakers_are_refused() -> None:
    rows = [row(n, extra={"speaker": f"s{n % 3}"}) for n in range(30)]
    with pytest.raises(ManifestError, match="from 2 to 3"):
        splits.folds(rows, 4)


def test_a_split_moves_lines_and_never_files(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for n in range(20):
        (tmp_path / "clips" / f"{n}.wav").touch()
    lines = [
        {"id": str(n), "audio": f"clips/{n}.wav", "label": "7", "extra": {"speaker": f"s{n % 4}"}, "note": "你好"}
        for n in range(20)
    ]
    manifest = tmp_path / "all.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    out = tmp_path / "deep" / "parts"
    assert splits.split(manifest, out, 0.25, "speaker").counts == {"train.jsonl": 15, "dev.jsonl": 5}
    sides = [manifests.read(out / name, None) for name in splits.SIDES]
    assert len({r.extra["speaker"] for r in sides[1]}) == 1
    assert not {r.extra["speaker"] for r in sides[0]} & {r.extra["speaker"] for r in sides[1]}
    written = json.loads((out / "dev.jsonl").read_text("utf-8").splitlines()[0])
    assert written == {**lines[int(written["id"])], "audio": f"../../clips/{written['id']}.wav"}
    with pytest.raises(ManifestError, match="not empty"):
        splits.split(manifest, out, 0.25, "speaker")


def test_of_what_is_split_for_training_a_share_can_still_be_set_aside(tmp_path: Path) -> None:
    manifest = tmp_path / "all.jsonl"
    lines = [{"id": str(n), "text": f"caption {n}", "label": "7"} for n in range(400)]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    splits.split(manifest, tmp_path / "out", 0.2, "speaker")
    rows = manifests.read(tmp_path / "out" / splits.SIDES[0], None)
    assert 0.05 < len(splits.calibration_split(rows, 0.1)[1]) / len(rows) < 0.15


def test_a_manifest_that_cannot_be_parted_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "all.jsonl"
    lines = [{"id": str(n), "text": f"t{n}", "extra": {"speaker": "one"}} for n in range(9)]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    with pytest.raises(ManifestError, match="one side empty"):
        splits.split(manifest, tmp_path / "out", 0.5, "speaker")
    assert not (tmp_path / "out").exists()


def test_the_same_caption_stays_on_one_side_whatever_the_order() -> None:
    rows = [row(n, sample=Sample(text=f"caption {n // 2}")) for n in range(400)]
    train, aside = splits.calibration_split(rows, 0.2)
    assert 40 < len(aside) < 120
    assert not {r.sample.text for r in train} & {r.sample.text for r in aside}
    assert {r.id for r in splits.calibration_split(rows[::-1], 0.2)[1]} == {r.id for r in aside}
