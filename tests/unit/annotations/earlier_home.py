"""A home such as the release before these tables left it, in whatever database."""

import hashlib

from sqlalchemy import text

from annotations import media
from annotations.store import connect
from mmdemo.settings import Settings
from mmdemo.values.samples import Inputs
from tests.unit.annotations import sentiment


def id_of_before(sample: Inputs) -> str:
    """Return the id that earlier releases gave: over the caption's characters as they were typed."""
    digest = hashlib.sha256(sentiment.TASK.name.encode())
    if sample.image is not None:
        content = sample.image.tobytes()
        digest.update(f"\0image{sample.image.shape}:{len(content)}\0".encode() + content)
    if sample.text is not None:
        digest.update(f"\0text:{len(sample.text.encode())}\0{sample.text}".encode())
    return digest.hexdigest()


def home_of_before(config: Settings, *rows: Inputs, annotators: tuple[str, ...] = ()) -> list[str]:
    """Make a home such as the release before left it, with these samples, each corrected; return their ids."""
    config.home.mkdir()
    engine = connect.engine_for(connect.url_of(config))
    connect.migrate(engine, config.home, "0005")
    ids = [id_of_before(sample) for sample in rows]
    with engine.begin() as connection:
        for number, (sample_id, sample) in enumerate(zip(ids, rows, strict=True)):
            copies = media.copies_of(sample)
            config.media.mkdir(exist_ok=True)
            with media.keeping(config.media, list(copies.values())):
                image = copies["image"].name if copies else None
            values = {"id": sample_id, "task": sentiment.TASK.name, "caption": sample.text, "image": image}
            at = f"2026-11-0{number + 1} 00:00:00.000000"
            connection.execute(
                text(
                    "INSERT INTO samples (sample_id, task, state, modalities, caption, image, label, confidence, "
                    "model_version, doubt, created_at, updated_at, agreed_at) VALUES (:id, :task, 'labelled', "
                    "'[\"text\"]', :caption, :image, 'positive', 0.4, 'v1', 0.6, :at, :at, :at)"
                ),
                values | {"at": at},
            )
            correction = {"id": sample_id, "who": (annotators or ("Ann",) * len(rows))[number], "at": at, "no": False}
            connection.execute(
                text(
                    "INSERT INTO corrections (sample_id, label, annotator, note, wrong_reason, corrected_at, "
                    "predicted_label, model_version, source) VALUES (:id, 'neutral', :who, '', :no, :at, 'positive', "
                    "'v1', 'page')"
                ),
                correction,
            )
    engine.dispose()
    return ids
