"""A picture finds captions where there are pictures too; equals a plain computation; never itself, nothing twice."""

from pathlib import Path

import numpy as np
import pytest

from mmdemo.retrieval import search
from mmdemo.retrieval.candidates import Candidate, CandidatePool, CandidatePreview, joined, pooled
from mmdemo.retrieval.encoding import make
from tests.unit.mmdemo.retrieval import ruled


def candidate(number: int, content: str = "") -> Candidate:
    return Candidate(str(number), "m", "good", "", content or str(number), CandidatePreview)


def unit(draw: np.random.Generator, n: int, d: int = 8) -> np.ndarray:
    values = draw.standard_normal((n, d)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.fixture
def pool() -> CandidatePool:
    """Pictures that all look much the same, and captions that do too, but not like pictures."""
    draw = np.random.default_rng(0)
    offset = np.zeros((2, 8), np.float32)
    offset[0, 0] = offset[1, 1] = 4.0
    own = unit(draw, 40)
    values = {name: own + offset[i] for i, name in enumerate(("image", "text"))}
    values = {name: vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for name, vectors in values.items()}
    values["image"][:20] = 0  # the first half are captions alone, the second pictures alone
    values["text"][20:] = 0
    return CandidatePool(tuple(candidate(i) for i in range(40)), values)


def test_the_score_is_the_cosine_against_what_is_usual_for_its_pair(pool: CandidatePool) -> None:
    query = {"image": pool.features["image"][25]}
    matches = {match.candidate.id: match for match in search.nearest(query, pool, 40)}
    cosines = pool.features["image"][20:] @ pool.features["text"][:20].T
    expected = (query["image"] @ pool.features["text"][3] - cosines.mean()) / max(cosines.std(), search.LEAST_SPREAD)
    assert (matches["3"].query, matches["3"].match) == ("image", "text")
    assert matches["3"].score == pytest.approx(expected, abs=1e-4)
    scores = [match.score for match in matches.values()]
    assert scores == sorted(scores, reverse=True) and len(matches) == 40


def test_a_picture_finds_captions_although_all_pictures_are_closer(pool: CandidatePool) -> None:
    query = {"image": pool.features["image"][25]}
    cosine = {match.candidate.id: match.cosine for match in search.nearest(query, pool, 40)}
    captions, pictures = [cosine[str(i)] for i in range(20)], [cosine[str(i)] for i in range(20, 40)]
    assert max(captions) < min(pictures)
    assert any(int(match.candidate.id) < 20 for match in search.nearest(query, pool, 6))


def test_the_planted_caption_is_found_by_its_picture_and_back(tmp_path: Path) -> None:
    encoder = ruled.RuledEncoder(ruled.task(tmp_path))
    captions = [ruled.row(name, text=name) for name in ("red", "green", "blue")]
    pictures = [ruled.row(f"a {name} picture", name) for name in ("red", "green", "blue")]
    candidates = make(encoder, [*captions, *pictures], "m")
    asked = encoder.features([ruled.inputs_of(ruled.row("", "blue").sample, encoder.task)]).by_sample[0]
    among_captions = make(encoder, captions, "m").pool
    [first, *_] = search.nearest(asked, among_captions, 3)
    assert (first.candidate.id, first.query, first.match) == ("blue", "image", "text")
    named = encoder.features([ruled.inputs_of(ruled.row("", text="green").sample, encoder.task)]).by_sample[0]
    two = [match.candidate.id for match in search.nearest(named, candidates.pool, 2)]
    assert set(two) == {"green", "a green picture"}


def test_itself_is_not_found_and_the_same_sample_once(pool: CandidatePool) -> None:
    twins = joined([pool, CandidatePool(tuple(candidate(100 + i, str(i)) for i in range(40)), pool.features)])
    query = {"text": pool.features["text"][5]}
    candidates = [match.candidate for match in search.nearest(query, twins, 80, without="5")]
    assert len(candidates) == 39 and "5" not in {one.content for one in candidates}
    assert all(int(one.id) < 100 for one in candidates)  # of equal ones the earlier


def test_what_lacks_a_modality_is_not_found_by_it() -> None:
    one, other = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    some = pooled([candidate(0), candidate(1)], [{"text": one}, {"image": other}])
    assert some.features["image"].tolist() == [[0, 0], [0, 1]]
    assert {match.match for match in search.nearest({"text": one}, some, 5)} == {"text", "image"}
    assert search.nearest({"text": one}, pooled([candidate(0)], [{}]), 5) == []
    assert search.nearest({"text": one}, joined([]), 5) == []


def test_where_nobody_knows_what_is_usual_the_cosine_is_the_score() -> None:
    one = np.array([0.6, 0.8], np.float32)
    [match] = search.nearest({"text": one}, pooled([candidate(0)], [{"text": np.array([1, 0], np.float32)}]), 5)
    assert match.score == match.cosine == pytest.approx(0.6)


def test_pools_that_lack_a_modality_are_joined() -> None:
    one = np.array([1, 0], np.float32)
    both = joined([pooled([candidate(0)], [{"text": one}]), pooled([candidate(1)], [{"image": one}])])
    assert both.features["text"].tolist() == [[1, 0], [0, 0]] and both.features["image"].tolist() == [[0, 0], [1, 0]]
