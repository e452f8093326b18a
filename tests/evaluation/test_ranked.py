"""Ranked lists and verification against plain loops over their definitions."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation import (
    Features,
    Market1501,
    MatrixDistances,
    MultiQuery,
    RankingOptions,
    SingleGalleryShot,
    SingleShot,
    evaluate,
)
from reidbench.evaluation.evaluate import Compared, compared
from reidbench.evaluation.features import Labels
from reidbench.evaluation.ranked import MARKS, ranked_lists
from reidbench.evaluation.ranking_files import COLUMNS, write_lists
from reidbench.evaluation.verification import POINTS, verify

OPTIONS = RankingOptions(normalise=False)


def many(rows: int, seed: int, persons: int = 9, values: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 3)) if not values else rng.integers(0, values, (rows, 3))
    pids = rng.integers(-1, persons, rows)
    if seed == 0:
        pids = np.abs(pids)
    return Features(features.astype(np.float32), pids, rng.integers(1, 4, rows))


def ready(values: int = 0, protocol=None, options=OPTIONS) -> Compared:
    return compared(many(20, 0), many(70, 1, values=values), protocol or Market1501(), options)


def by_hand(query: Features, gallery: Features, number: int, ties: str):
    """Return (place, distance, mark) of one query's gallery, sorted by the definition."""
    pid, cam = query.pids[number], query.cams[number]
    entries = []
    for place, (p, c) in enumerate(zip(gallery.pids, gallery.cams, strict=True)):
        if p == -1:
            continue
        mark = "wrong" if p != pid else "junk" if c == cam else "right"
        apart = float(((query.features[number] - gallery.features[place]) ** 2).sum())
        tie = {"stable": 0, "optimistic": mark != "right", "pessimistic": mark == "right"}[ties]
        entries.append((apart, tie, place, mark))
    return [(place, apart, mark) for apart, _, place, mark in sorted(entries)]


@pytest.mark.parametrize("ties", ["stable", "optimistic", "pessimistic"])
def test_lists_are_the_sorted_gallery_with_marks(ties):
    query, gallery = many(20, 0, values=4), many(70, 1, values=3)
    found = compared(query, gallery, Market1501(), OPTIONS)
    lists = list(ranked_lists(found, Market1501(), ties=ties))
    assert [ranked.query for ranked in lists] == list(range(20))
    for number, ranked in enumerate(lists):
        expected = by_hand(query, gallery, number, ties)
        assert ranked.images.tolist() == [place for place, *_ in expected]
        assert [MARKS[m] for m in ranked.marks] == [mark for *_, mark in expected]
        assert ranked.distances.tolist() == pytest.approx([apart for _, apart, _ in expected])
        assert (gallery.pids[ranked.images] == ranked.pids).all()
        assert (gallery.cams[ranked.images] == ranked.cams).all()


@pytest.mark.parametrize("ties", ["stable", "optimistic", "pessimistic"])
@pytest.mark.parametrize("protocol", [Market1501(), MultiQuery()])
def test_the_first_right_image_has_the_rank_that_the_scores_count(protocol, ties):
    options = RankingOptions(ties=ties)
    query, gallery = many(20, 0, values=4), many(70, 1, values=3)
    scores = evaluate(query, gallery, protocol, options)
    lists = list(ranked_lists(compared(query, gallery, protocol, options), protocol, ties=ties))
    assert [r.pid for r in lists] == scores.pid.tolist()
    for first, ap, ranked in zip(scores.first, scores.ap, lists, strict=True):
        ranks = ranked.ranks[ranked.marks == MARKS.index("right")]
        assert first == (ranks[0] if len(ranks) else 0)
        if len(ranks):
            assert ap == pytest.approx(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def test_junk_takes_no_rank_and_no_place_of_another():
    labels = Labels(np.array([5]), np.array([1]))
    gallery = Labels(np.array([5, 6, 5, 7]), np.array([1, 1, 2, 2]))
    matrix = MatrixDistances(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32))
    found = Compared(matrix, labels, gallery, np.array([0, 2, 3, 9]))
    (ranked,) = ranked_lists(found, Market1501(), top=3)
    assert ranked.images.tolist() == [0, 2, 3]
    assert ranked.ranks.tolist() == [0, 1, 2]
    assert [MARKS[m] for m in ranked.marks] == ["junk", "wrong", "right"]
    (single,) = ranked_lists(found, SingleShot())
    assert single.ranks.tolist() == [1, 2, 3, 4]


def test_a_protocol_that_draws_galleries_has_no_one_list():
    with pytest.raises(UsageError, match="no one ranking"):
        list(ranked_lists(ready(), SingleGalleryShot()))
    with pytest.raises(UsageError, match="no one ranking"):
        verify(ready(), SingleGalleryShot())


def test_files_hold_every_list(tmp_path):
    lists = list(ranked_lists(ready(), Market1501(), top=4))
    write_lists(lists, tmp_path / "lists.csv")
    write_lists(lists, tmp_path / "lists.jsonl")
    with (tmp_path / "lists.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "lists.jsonl").read_text().splitlines()]
    assert len(rows) == len(lines) == 20 * 4
    assert tuple(rows[0]) == tuple(lines[0]) == COLUMNS
    for row, line in zip(rows, lines, strict=True):
        assert row == {k: "" if v is None else str(v) for k, v in line.items()}
    assert {line["mark"] for line in lines} == set(MARKS)
    assert all((line["rank"] is None) == (line["mark"] == "junk") for line in lines)
    assert lines[5]["gallery"] == lists[1].images[1]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.csv, \.jsonl, \.parquet"):
        write_lists([], tmp_path / "lists.txt")


def test_parquet_asks_for_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ReidbenchError, match="pip install pyarrow"):
        write_lists([], tmp_path / "lists.parquet")
    assert list(tmp_path.iterdir()) == []


def test_parquet_holds_the_same(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_lists(ranked_lists(ready(), Market1501(), top=4), tmp_path / "lists.parquet")
    table = parquet.read_table(tmp_path / "lists.parquet")
    assert (table.column_names, table.num_rows) == (list(COLUMNS), 80)


def pairs_of(same: list[float], different: list[float]) -> Compared:
    """Return distances of one query, whose person the first images show."""
    row = np.array([[*same, *different]], np.float32)
    pids = np.array([1] * len(same) + [2] * len(different))
    gallery = Labels(pids, np.full(len(pids), 2))
    return Compared(
        MatrixDistances(row), Labels(np.array([1]), np.array([1])), gallery, np.arange(len(pids))
    )


def rates(same: list[float], different: list[float], threshold: float) -> tuple[float, float]:
    """Return false matches and true matches at a threshold, by counting."""
    return float(np.mean(np.array(different) <= threshold)), float(
        np.mean(np.array(same) <= threshold)
    )


distances = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=9)


@given(distances, distances)
def test_the_curve_area_and_error_are_those_of_counting_pairs(same, different):
    found = verify(pairs_of(same, different), Market1501())
    assert (found.same, found.different) == (len(same), len(different))
    order = [(a < b) + 0.5 * (a == b) for a in same for b in different]
    assert found.area == pytest.approx(np.mean(order))
    corners = set(zip(found.false_match.tolist(), found.true_match.tolist(), strict=True))
    for threshold in same:
        assert rates(same, different, threshold) in corners
    for rate in (0.0, 0.1, 0.5):
        counted = [rates(same, different, t) for t in (-1.0, *same, *different)]
        assert found.at(rate) == max(true for false, true in counted if false <= rate)
    every = sorted({-1.0, *same, *different})
    excess = [f - (1 - t) for f, t in (rates(same, different, t) for t in every)]
    after = next(i for i, e in enumerate(excess) if e >= 0)
    # The equal error lies between the thresholds around it, and the one told is one of them.
    low, high = (rates(same, different, every[i]) for i in (after - 1, after))
    assert low[0] - 1e-9 <= found.equal_error <= high[0] + 1e-9
    assert 1 - high[1] - 1e-9 <= found.equal_error <= 1 - low[1] + 1e-9
    assert found.threshold in every
    assert every.index(found.threshold) in (after - 1, after)


def test_an_error_and_its_threshold_by_hand():
    found = verify(pairs_of([1, 2, 3, 8], [4, 7, 9, 10]), Market1501())
    assert found.equal_error == 0.25
    assert found.threshold == 4
    assert found.at(0.01) == 0.75
    perfect = verify(pairs_of([1, 2], [3, 4]), Market1501())
    assert (perfect.area, perfect.equal_error, perfect.threshold) == (1.0, 0.0, 2.0)


def test_verification_agrees_with_scikit_learn_and_leaves_junk_out():
    metrics = pytest.importorskip("sklearn.metrics")
    query, gallery = many(20, 0), many(70, 1)
    found = verify(compared(query, gallery, Market1501(), OPTIONS), Market1501())
    truth, apart = [], []
    for number in range(20):
        for _, distance, mark in by_hand(query, gallery, number, "stable"):
            if mark != "junk":
                truth.append(mark == "right")
                apart.append(-distance)
    assert found.area == pytest.approx(metrics.roc_auc_score(truth, apart))
    assert found.same + found.different == len(truth)


def test_a_long_curve_is_told_by_few_points():
    found = verify(compared(many(60, 0), many(300, 1), Market1501(), OPTIONS), Market1501())
    record = json.loads(json.dumps(found.to_dict()))
    assert len(record["roc"]["false_match"]) == POINTS
    assert (record["roc"]["false_match"][0], record["roc"]["true_match"][-1]) == (0, 1)
    assert record["true_match_at"]["0.1"] == found.at(0.1)


def test_pairs_of_one_kind_alone_verify_nothing():
    with pytest.raises(ReidbenchError, match="3 and 0"):
        verify(pairs_of([1, 2, 3], []), Market1501())


def test_the_number_of_chunks_changes_nothing(monkeypatch):
    whole = verify(ready(), Market1501())
    monkeypatch.setattr("reidbench.evaluation.distance.CHUNK_ROWS", (1, 1))
    monkeypatch.setattr("reidbench.evaluation.distance.CHUNK_BYTES", 1)
    parts = verify(ready(), Market1501())
    assert SimpleNamespace(**vars(whole)).area == pytest.approx(parts.area, abs=1e-6)
    assert whole.threshold == pytest.approx(parts.threshold, rel=1e-5)
