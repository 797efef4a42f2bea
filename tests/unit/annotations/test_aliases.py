"""One text in many bytes is one sample; rows of earlier releases keep their ids, and their side of the split."""

import unicodedata
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from annotations import export, review_queue
from annotations.acquisition.strata import held_out_draw
from annotations.nightly import dataset
from annotations.review_queue import claims, retention
from annotations.schema import SampleAliasRow, SampleRow
from annotations.store import Store, labels, open_store, samples, tallies
from annotations.store.tallies import Counted
from mmdemo import decode
from mmdemo.settings import Settings
from mmdemo.values.review import ClaimSample
from mmdemo.values.samples import Inputs, Sample
from tests.unit.annotations import sentiment
from tests.unit.annotations.earlier_home import home_of_before

NAME = sentiment.TASK.name
CAPTION = "a naïve dog\nat the café"
SPELLINGS = {
    "NFD": unicodedata.normalize("NFD", CAPTION),
    "trailing newline": CAPTION + "\n",
    "no-break space": CAPTION.replace(" ", "\u00a0"),
    "zero-width space": CAPTION.replace("ca", "ca\u200b"),
    "byte order mark": "\ufeff" + CAPTION,
    "CR LF": CAPTION.replace("\n", "\r\n"),
}


def offer(store: Store, sample: Inputs) -> str:
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))[0]


def row_of(store: Store, sample_id: str) -> SampleRow:
    with store.reading() as session:
        return samples.get(session, sample_id)


def count(store: Store) -> int:
    with store.reading() as session:
        return len(session.scalars(select(SampleRow)).all())


@pytest.mark.parametrize("first", [CAPTION, *SPELLINGS.values()], ids=["plain", *SPELLINGS])
def test_one_caption_in_any_spelling_is_one_sample_shown_as_it_was_typed_first(store: Store, first: str) -> None:
    ids = {offer(store, sentiment.inputs(caption, seed=1)) for caption in (first, CAPTION, *SPELLINGS.values())}
    assert len(ids) == count(store) == 1
    row = row_of(store, ids.pop())
    assert row.caption == first
    tokens = row.prediction["explanation"]["text"]["tokens"]
    assert all(first[token["start"] : token["end"]] == token["text"] for token in tokens)


def test_captions_that_look_otherwise_are_others(store: Store) -> None:
    others = (CAPTION.upper(), CAPTION.replace("ï", "i"), CAPTION.replace("\n", " "), CAPTION + ".")
    assert len({offer(store, sentiment.inputs(caption)) for caption in (CAPTION, *others)}) == 5


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("comes", ["as before", "otherwise"])
def test_a_row_of_before_keeps_its_id_and_side_and_takes_its_caption_in(
    config: Settings, spelling: str, seed: int | None, comes: str
) -> None:
    before = sentiment.inputs(SPELLINGS[spelling], seed)
    [old] = home_of_before(config, before)
    sample = before if comes == "as before" else sentiment.inputs(CAPTION, seed)
    new = decode.sample_id(sample, NAME)
    assert new != old
    with closing(open_store(config)) as store:
        assert offer(store, sample) == offer(store, sentiment.inputs("\n" + CAPTION, seed)) == old
        assert count(store) == 1
        row = row_of(store, new)
        assert (row.sample_id, row.caption, row.split_draw) == (old, before.text, held_out_draw(old))
        correction = review_queue.correct(store, sentiment.TASKS, new, "negative", "Ann")
        assert correction.sample_id == old
        with store.reading() as session:
            [item] = labels.corrections(session, NAME)
        snapshot = dataset.freeze(sentiment.TASK, [item], store.media)
        drawn = held_out_draw(old)
        assert dataset.split(snapshot, drawn + 1e-9).held_out and not dataset.split(snapshot, drawn).held_out


def test_who_asks_by_the_new_id_gets_the_row(config: Settings) -> None:
    sample = sentiment.inputs(SPELLINGS["NFD"])
    [old] = home_of_before(config, sample)
    with closing(open_store(config)) as store:
        new = decode.sample_id(sample, NAME)
        with store.session() as session:
            row = samples.get(session, new)
            row.state = "queued"
            session.commit()
        assert claims.claim(store, {NAME: 0.0}, ClaimSample("Ann", "a" * 32, new, NAME)) == old
        review_queue.skip(store, new, "Ann")
        assert row_of(store, old).state == "skipped"


def test_of_copies_of_before_all_go_to_the_side_that_was_trained_on(config: Settings) -> None:
    captions = (CAPTION, *SPELLINGS.values(), "another")
    ids = home_of_before(config, *(sentiment.inputs(caption) for caption in captions))
    with closing(open_store(config)) as store:
        draws = {row_of(store, sample_id).split_draw for sample_id in ids[:-1]}
        assert draws == {max(map(held_out_draw, ids[:-1]))}
        assert row_of(store, ids[-1]).split_draw == held_out_draw(ids[-1])
        assert offer(store, sentiment.inputs(SPELLINGS["CR LF"])) == ids[0]  # the one that is spelled plainly


def test_annotators_of_before_who_were_two_by_their_spelling_are_one(config: Settings) -> None:
    names = ("Zoë", unicodedata.normalize("NFD", "Zoë"), "Zoë\u00a0 ")
    home_of_before(config, *(sentiment.inputs(name) for name in "abc"), annotators=names)
    with closing(open_store(config)) as store, store.reading() as session:
        assert tallies.by_item(session, NAME, Counted.ANNOTATOR) == {"Zoë": 3}


def test_what_is_decoded_otherwise_is_found_by_its_original_bytes(store: Store) -> None:
    today, later = sentiment.inputs("a dog", seed=1), sentiment.inputs("a dog", seed=2)
    old = offer(store, replace(today, original="f" * 64))
    assert offer(store, replace(later, original="f" * 64)) == old
    assert offer(store, replace(later, original="e" * 64)) == old  # by the alias that was written
    assert (count(store), row_of(store, old).split_draw) == (1, held_out_draw(old))
    assert offer(store, sentiment.inputs("a dog", seed=3)) != old


def test_the_original_is_what_was_sent_and_no_spelling(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    sentiment.picture_of(1).save(path)
    from_path = decode.decode(Sample(image=path, text=CAPTION), sentiment.TASK)
    from_bytes = decode.decode(Sample(image=path.read_bytes(), text=SPELLINGS["NFD"]), sentiment.TASK)
    other = decode.decode(Sample(image=path, text="else"), sentiment.TASK)
    assert len(from_path.original) == 64 and from_path.original == from_bytes.original != other.original
    assert decode.decode(Sample(image=sentiment.picture_of(1)), sentiment.TASK).original == ""
    assert decode.decode(Sample(text=CAPTION), sentiment.TASK).original == ""


def test_a_sample_without_its_digest_gets_it_when_it_comes_again(store: Store) -> None:
    sample_id = offer(store, sentiment.inputs("a dog", seed=1))
    assert row_of(store, sample_id).original_digest is None
    offer(store, replace(sentiment.inputs("a dog", seed=1), original="f" * 64))
    assert row_of(store, sample_id).original_digest == "f" * 64


def test_what_is_forgotten_leaves_no_digest_and_comes_back_to_its_row(config: Settings) -> None:
    [old] = home_of_before(config, sentiment.inputs(SPELLINGS["NFD"], seed=1))
    sample = replace(sentiment.inputs(CAPTION, seed=1), original="f" * 64)
    with closing(open_store(config)) as store:
        _, prediction_id = review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))
        retention.forget(store, prediction_id)
        row = row_of(store, old)
        assert (row.caption, row.original_digest, row.caption_digest) == (None, None, None)
        assert offer(store, sample) == old and count(store) == 1


def test_an_export_comes_in_to_the_row_of_before(config: Settings, tmp_path: Path) -> None:
    [old] = home_of_before(config, sentiment.inputs(SPELLINGS["NFD"], seed=1))
    with closing(open_store(config)) as store:
        export.write_folder(store, [NAME], tmp_path)
        assert export.read_manifest(store, sentiment.TASK, tmp_path / f"{NAME}.jsonl").known == 1
        assert count(store) == 1
        new = decode.sample_id(sentiment.inputs(CAPTION, seed=1), NAME)
        with store.reading() as session:
            assert session.get(SampleAliasRow, new).sample_id == old
