"""Protocols: who is looked for, and in which gallery."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation import (
    AllButSelf,
    Features,
    Labels,
    Market1501,
    MatrixDistances,
    MultiQuery,
    NoCamera,
    Protocol,
    RankingOptions,
    SingleGalleryShot,
    SingleShot,
    evaluate,
)
from reidbench.evaluation.protocols import nobody_of
from reidbench.registry.loading import load_plugins

from .definitions import TIEBREAK, ap_at_hits, ap_trapezoid, cases, hits, labels

REGISTERED = [(e.name, e.load()) for e in load_plugins().registry.entries("protocol")]


def features(rows, pids, cams):
    return Features(np.array(rows, np.float32), np.array(pids), np.array(cams))


def drawn_by(protocol, query, gallery):
    rng = np.random.default_rng(protocol.seed)
    return protocol._draw(rng, query, gallery, nobody_of(query, gallery))


def test_every_protocol_can_be_made_by_name():
    names = [name for name, _ in REGISTERED]
    assert names == [
        *("all-but-self", "market1501", "multi-query", "no-camera"),
        *("single-gallery-shot", "single-shot"),
    ]
    assert all(isinstance(make(), Protocol) for _, make in REGISTERED)


def test_junk_is_left_out_and_distractors_stay():
    query = labels([1], [1])
    gallery = labels([1, -1, 0, 1], [1, 2, 2, 2])
    scores = Market1501().scores(MatrixDistances(np.array([[0.0, 1, 2, 3]])), query, gallery)
    assert scores.first.tolist() == [2]
    assert scores.gallery == 3


def test_single_shot_ignores_cameras():
    distances = MatrixDistances(np.array([[1.0, 0, 2]]))
    gallery = labels([1, 2, 3], [0, 0, 0])
    scores = SingleShot().scores(distances, labels([1], [0]), gallery)
    assert (scores.first.tolist(), scores.mean_ap) == ([2], 0.5)
    assert scores.measures()["mAP_trapezoid"] == 0.25


def test_single_shot_refuses_a_second_shot_but_not_distractors():
    distances = MatrixDistances(np.array([[1.0, 0, 2, 3]]))
    extras = labels([1, 0, 0, -1], [2, 2, 2, 2])
    assert SingleShot().scores(distances, labels([1], [1]), extras).first.tolist() == [2]
    twice = labels([1, 2, 2, 3], [2, 2, 2, 2])
    with pytest.raises(ReidbenchError, match="person 2 has 2"):
        SingleShot().scores(distances, labels([1], [1]), twice)


def test_a_query_called_zero_is_a_person():
    distances = MatrixDistances(np.array([[1.0, 0]]))
    with pytest.raises(ReidbenchError, match="person 0 has 2"):
        SingleShot().scores(distances, labels([0], [1]), labels([0, 0], [2, 2]))


def test_multi_query_means_all_images_of_person_and_camera():
    query = features([[9, 9], [9, 9], [9, 9]], [1, 1, 2], [1, 1, 1])
    boxes = features([[1, 0], [3, 2], [5, 5], [7, 7], [0, 1]], [1, 1, 1, 8, 2], [1, 1, 2, 1, 1])
    pooled = MultiQuery().queries(query, boxes, unit_length=False)
    assert pooled.features.tolist() == [[2, 1], [0, 1]]
    assert (pooled.pids.tolist(), pooled.cams.tolist()) == ([1, 2], [1, 1])
    scaled = MultiQuery().queries(query, boxes, unit_length=True).features
    mean = np.array([1, 0]) + np.array([3, 2]) / np.sqrt(13)
    np.testing.assert_allclose(scaled[0], mean / np.linalg.norm(mean), rtol=1e-6)
    assert boxes.features[1].tolist() == [3, 2]


def test_multi_query_without_further_images_pools_the_queries():
    query = features([[0, 2], [0, 4], [6, 0]], [1, 1, 1], [1, 1, 2])
    pooled = MultiQuery().queries(query, None, unit_length=False)
    assert pooled.features.tolist() == [[0, 3], [6, 0]]


def test_multi_query_needs_an_image_for_each_query():
    query = features([[1, 0], [0, 1]], [1, 2], [1, 3])
    with pytest.raises(ReidbenchError, match=r"multi_query lacks 1 of 2 .* person 2 in camera 3"):
        MultiQuery().queries(query, features([[1, 0]], [1], [1]), unit_length=False)


def test_multi_query_reaches_the_scores():
    query = features([[1, 0]], [1], [1])
    gallery = features([[1, 0], [0, 1]], [2, 1], [2, 2])
    boxes = features([[0, 1], [0, 1]], [1, 1], [1, 1])
    assert evaluate(query, gallery).first.tolist() == [2]
    assert evaluate(query, gallery, MultiQuery(), multi_query=boxes).first.tolist() == [1]
    with pytest.raises(UsageError, match="Market1501 has no use for further images"):
        evaluate(query, gallery, multi_query=boxes)


@pytest.mark.parametrize("ties", TIEBREAK)
@settings(max_examples=40)  # of each of three
@given(case=cases(gallery_pids=(-1, 0, 1, 2, 3, 4, 5)))
def test_drawn_galleries_hold_one_image_a_person(ties, case):
    matrix, query, gallery = case
    protocol = SingleGalleryShot(repeats=3, seed=1)
    draws, matches, _ = drawn_by(protocol, query, gallery)
    assume((matches >= 0).any())
    scores = protocol.scores(MatrixDistances(matrix), query, gallery, ties=ties)
    firsts = scores.first.reshape(3, -1)
    for r, q in np.ndindex(*matches.shape):
        pid, own = query.pids[q], matches[r, q]
        others = draws[r][gallery.pids[draws[r]] != pid]
        drawn = np.sort([*others, own] if own >= 0 else others).astype(int)
        alone = labels(gallery.pids[drawn], gallery.cams[drawn])
        ranking = hits(matrix[q, drawn], pid, query.cams[q], alone, ties=ties)
        assert firsts[r, q] == (ranking.index(True) + 1 if own >= 0 else 0)


@given(case=cases(gallery_pids=(-1, 0, 1, 2, 3, 4, 5)))
def test_draws_take_every_person_and_distractor_once(case):
    _, query, gallery = case
    draws, matches, _ = drawn_by(SingleGalleryShot(repeats=4), query, gallery)
    persons = sorted(set(gallery.pids.tolist()) - {-1, 0})
    extras = np.flatnonzero(gallery.pids == 0).tolist()
    for draw in draws:
        drawn = gallery.pids[draw]
        assert sorted(drawn[drawn != 0]) == persons
        assert draw[drawn == 0].tolist() == extras
    for q, (pid, cam) in enumerate(zip(query.pids, query.cams, strict=True)):
        right = np.flatnonzero((gallery.pids == pid) & (gallery.cams != cam))
        assert set(matches[:, q]) <= set(right.tolist() or [-1])


def test_draws_vary_by_repeat_and_repeat_by_seed():
    rng = np.random.default_rng(0)
    query, gallery = (
        labels(np.arange(1, 9), [0] * 8),
        labels(np.repeat(np.arange(1, 9), 6), [1] * 48),
    )
    distances = MatrixDistances(rng.random((8, 48)))
    first, again, other = (
        SingleGalleryShot(repeats=5, seed=s).scores(distances, query, gallery).first
        for s in (0, 0, 1)
    )
    assert first.tolist() == again.tolist() != other.tolist()
    assert len({tuple(r) for r in first.reshape(5, 8).tolist()}) > 1


def test_one_image_a_person_makes_all_protocols_agree():
    rng = np.random.default_rng(3)
    query = features(rng.standard_normal((20, 4)), np.arange(1, 21), np.zeros(20, int))
    gallery = features(rng.standard_normal((20, 4)), np.arange(1, 21), np.ones(20, int))
    known = [replace(s, files=np.arange(20) + n) for n, s in ((0, query), (20, gallery))]
    for _, make in REGISTERED:
        scores = evaluate(*known, make(), RankingOptions(distance="cosine"))
        assert scores.measures() == pytest.approx(evaluate(query, gallery).measures())


def test_repeats_must_be_positive():
    with pytest.raises(UsageError, match="repeats must be at least 1"):
        SingleGalleryShot(repeats=0)


UNFIT = {
    "one camera": (Market1501(), [1, 2], [0, 0], [1, 2], [0, 0], "all 2 queries .* of one camera"),
    "own camera": (SingleGalleryShot(), [1], [0], [1, 2], [0, 1], "none of the 1 queries has a m"),
    "strangers": (SingleShot(), [1], [0], [2], [0], "none of the 1 queries has a match"),
    "two shots": (SingleShot(), [1], [0], [1, 1], [0, 1], "person 1 has 2"),
    "junk": (Market1501(), [-1, 1], [0, 0], [1], [1], "query pids hold -1"),
}


@pytest.mark.parametrize(("protocol", "pids", "cams", "gallery", "views", "said"), UNFIT.values())
def test_labels_that_cannot_be_scored_are_refused_before_any_distance(
    protocol, pids, cams, gallery, views, said
):
    query, shown = (Labels(*map(np.array, sides)) for sides in ((pids, cams), (gallery, views)))
    with pytest.raises(ReidbenchError, match=said):
        protocol.refuse_labels(query, shown)
    fine = Labels(np.array([1]), np.array([1 + max(cams)]))
    protocol.refuse_labels(Labels(np.array([1]), np.array([0])), fine)


def test_queries_without_further_images_are_refused_by_their_labels():
    query, gallery = (Labels(np.array([1]), np.array([c])) for c in (0, 1))
    MultiQuery().refuse_labels(query, gallery, query)
    with pytest.raises(ReidbenchError, match="lacks 1 of 1 queried persons"):
        MultiQuery().refuse_labels(query, gallery, gallery)


def without_cameras(query, gallery):
    """Return the same labels as where nobody labelled the cameras."""
    return [replace(each, cams=np.full(len(each), -1)) for each in (query, gallery)]


def agrees(scores, rankings):
    """Compare scores with rankings by the plain definitions."""
    valid = [r for r in rankings if any(r)]
    assert scores.valid_queries == len(valid)
    assert scores.mean_ap == pytest.approx(np.mean([ap_at_hits(r) for r in valid]))
    trapezoid = np.mean([ap_trapezoid(r) for r in valid])
    assert scores.measures()["mAP_trapezoid"] == pytest.approx(trapezoid)
    firsts = [r.index(True) + 1 if any(r) else 0 for r in rankings]
    assert scores.first.tolist() == firsts


@pytest.mark.parametrize("ties", TIEBREAK)
@settings(max_examples=30, deadline=None)
@given(case=cases())
def test_without_cameras_every_image_of_the_person_counts(ties, case):
    matrix, query, gallery = case
    rankings = [
        hits(row, pid, cam, gallery, cross_camera=False, ties=ties)
        for row, pid, cam in zip(matrix, query.pids, query.cams, strict=True)
    ]
    assume(any(map(any, rankings)))
    for labelled in ((query, gallery), without_cameras(query, gallery)):
        agrees(NoCamera().scores(MatrixDistances(matrix.copy()), *labelled, ties=ties), rankings)


@pytest.mark.parametrize("ties", TIEBREAK)
@settings(max_examples=30, deadline=None)
@given(case=cases(), seed=st.integers(0, 9))
def test_all_but_the_querys_own_file_counts(ties, case, seed):
    matrix, query, gallery = case
    rng = np.random.default_rng(seed)
    files = [rng.integers(0, 8, len(query)), rng.integers(0, 8, len(gallery))]
    rankings = []
    for row, pid, cam, file in zip(matrix, query.pids, query.cams, files[0], strict=True):
        others = files[1] != file
        kept = labels(gallery.pids[others], gallery.cams[others])
        rankings.append(hits(row[others], pid, cam, kept, cross_camera=False, ties=ties))
    assume(any(map(any, rankings)))
    known = [replace(s, files=f) for s, f in zip((query, gallery), files, strict=True)]
    agrees(AllButSelf().scores(MatrixDistances(matrix.copy()), *known, ties=ties), rankings)
    plain = NoCamera().scores(MatrixDistances(matrix.copy()), *known, ties=ties)
    alike = NoCamera().scores(MatrixDistances(matrix.copy()), query, gallery, ties=ties)
    assert plain.first.tolist() == alike.first.tolist()


def test_one_set_as_query_and_gallery_is_scored_by_all_other_images():
    rng = np.random.default_rng(0)
    pids = np.repeat(np.arange(1, 6), 3)
    rows = np.eye(5)[pids - 1] + 0.4 * rng.standard_normal((15, 5))
    one = Features(rows.astype(np.float32), pids, np.full(15, -1), np.arange(15))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    near = 2 - 2 * unit @ unit.T
    rankings = []
    for i in range(15):
        order = [j for j in np.argsort(near[i]) if j != i]
        rankings.append([bool(pids[j] == pids[i]) for j in order])
    agrees(evaluate(one, one, AllButSelf()), rankings)


@pytest.mark.parametrize("protocol", [Market1501(), MultiQuery(), SingleGalleryShot()])
def test_protocols_that_need_cameras_name_those_that_do_not(protocol):
    query = features([[1.0, 0]], [1], [-1])
    gallery = features([[1.0, 0], [0, 1]], [1, 2], [1, 2])
    with pytest.raises(ReidbenchError, match=r"query images have no camera.*no-camera.*all-but-"):
        evaluate(query, gallery, protocol)
    with pytest.raises(ReidbenchError, match="no camera labels"):
        protocol.scores(MatrixDistances(np.zeros((1, 2))), query.labels, gallery.labels)
    assert evaluate(query, gallery, NoCamera()).mean_ap == 1
    assert evaluate(query, gallery, SingleShot()).mean_ap == 1


def test_all_but_self_asks_for_files():
    sets = features([[1.0, 0]], [1], [0]), features([[1.0, 0]], [1], [1])
    with pytest.raises(ReidbenchError, match="'query_names' and 'gallery_names', or give one set"):
        evaluate(*sets, AllButSelf())


def open_reid_rank1(matrix, query, gallery):
    """Return rank-1 of CUHK03's first protocol, over all draws: open-reid's as an expectation.

    ``cmc(separate_camera_set=True, single_gallery_shot=True)``: for each query one image of each
    person of the gallery's other cameras is drawn.
    """
    shares = []
    for row, pid, cam in zip(matrix, query.pids, query.cams, strict=True):
        seen = gallery.cams != cam
        mine = np.flatnonzero(seen & (gallery.pids == pid))
        others = [
            np.flatnonzero(seen & (gallery.pids == p)) for p in np.unique(gallery.pids) if p != pid
        ]
        first = [np.prod([np.mean(row[o] > row[m]) for o in others if len(o)]) for m in mine]
        shares.append(np.mean(first))
    return np.mean(shares)


def test_drawn_galleries_of_other_cameras_are_cuhk03s_first_protocol():
    rng = np.random.default_rng(5)
    pids, cams = np.repeat(np.arange(1, 8), 4), np.tile([0, 0, 1, 1], 7)
    matrix = rng.random((28, 28)).astype(np.float32) + 0.4 * (pids[:, None] != pids)
    matrix -= 0.3 * (cams[:, None] == cams)  # the same camera looks alike
    own = labels(pids, cams)
    expected = open_reid_rank1(matrix, own, own)

    def rank1(**options):
        protocol = SingleGalleryShot(repeats=400, **options)
        return protocol.scores(MatrixDistances(matrix.copy()), own, own).measures()["rank1"]

    assert rank1(other_cameras=True) == pytest.approx(expected, abs=0.01)
    assert rank1() < expected - 0.1


@settings(max_examples=40, deadline=None)
@given(case=cases(gallery_pids=(-1, 0, 1, 2, 3)))
def test_where_the_gallery_has_other_cameras_alone_both_draws_agree(case):
    matrix, query, gallery = case
    gallery = replace(gallery, cams=gallery.cams + 10)
    query = replace(query, cams=np.ones(len(query), np.int64))
    assume(np.isin(query.pids, gallery.pids).any())
    both = [
        SingleGalleryShot(repeats=3, other_cameras=other).scores(
            MatrixDistances(matrix.copy()), query, gallery
        )
        for other in (False, True)
    ]
    assert both[0].first.tolist() == both[1].first.tolist()
    assert both[0].gallery == both[1].gallery
