"""An erased sample is taken back from Label Studio by the same call, or the certificate says that it lies there."""

from dataclasses import replace

from annotations import erasure
from annotations.labelstudio.remote_projects import SYSTEM
from annotations.store import remote_links
from mmdemo.errors import LabelStudioError
from tests.unit.annotations.labelstudio.conftest import Loop


def keys(reasons) -> list[str]:
    return [reason.key for reason in reasons]


def test_task_and_files_go_also_where_somebody_answered_there(loop: Loop) -> None:
    sample_id, _ = loop.visit("with a picture", seed=3)
    loop.sync()
    loop.annotate(sample_id, "negative")
    loop.sync()
    certificate = erasure.erase(loop.store, loop.config, sample_id, lambda task: loop.sync())
    assert (loop.there(sample_id), loop.files(sample_id)) == ([], [])
    assert (certificate.removed["label_studio_tasks"], certificate.is_complete) == (1, True)
    assert "cli.erase_label_studio_disk" in keys(certificate.beyond)  # its media folder is not within reach
    with loop.store.reading() as session:
        [link] = remote_links.of_sample(session, SYSTEM, sample_id)
    assert (link.extra, link.removed_at is None) == ({}, False)


def test_while_the_server_is_away_it_still_lies_there_and_the_same_command_takes_it_back(loop: Loop) -> None:
    sample_id, _ = loop.visit("with a picture", seed=3)
    loop.sync()

    def away(task: str) -> None:
        raise LabelStudioError("label_studio_away", url="http://there", detail="cut off")

    certificate = erasure.erase(loop.store, loop.config, sample_id, away)
    assert keys(certificate.left) == ["cli.erase_label_studio_waits"] and len(loop.there(sample_id)) == 1
    nowhere = replace(loop.config, label_studio_url="", label_studio_api_key="")
    assert keys(erasure.erase(loop.store, nowhere, sample_id, away).left) == ["cli.erase_label_studio_not_set"]
    assert erasure.erase(loop.store, loop.config, sample_id, lambda task: loop.sync()).is_complete
    assert loop.there(sample_id) == []
