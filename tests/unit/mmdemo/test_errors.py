"""What a refusal says, to whoever runs the program and to a visitor."""

from pathlib import Path

import pytest

from mmdemo import locale
from mmdemo.errors import BadInput, CheckpointError, LabelStudioError, MmdemoError, StorageError

HOME = Path("/srv/secret/data")


@pytest.mark.parametrize("language", locale.LANGUAGES)
@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (StorageError("storage_locked", place=HOME / "mmdemo.sqlite", detail=""), "mmdemo.sqlite"),
        (StorageError("storage_read_only", place=str(HOME), detail="Permission denied"), "data"),
        (CheckpointError("checkpoint_broken", path=HOME, detail=OSError(2, "gone", str(HOME / "a.json"))), "a.json"),
        (CheckpointError("checkpoint_missing", path="/srv"), "version.json"),
    ],
)
def test_a_visitor_is_not_told_where_files_lie(error: MmdemoError, kept: str, language: str) -> None:
    assert "/srv" in error.sentence(language)
    sentence = error.public_sentence(language)
    assert kept in sentence and not any(part in sentence for part in ("/srv", "secret", "/data"))


def test_what_is_no_path_is_left_alone() -> None:
    for error in (
        LabelStudioError("label_studio_key", url="http://127.0.0.1:8080/ls/", detail="401 and/or 403"),
        BadInput("text_too_long", chars=100_000, limit=5_000),
    ):
        assert error.public_sentence() == str(error)
