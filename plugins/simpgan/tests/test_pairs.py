import numpy as np
import pytest
from reidbench_simpgan.pairs import PairDraw

PIDS = np.repeat(np.arange(10), 6)
COUNT, BATCH = len(PIDS), 16  # 7.5 steps a pass: passes end within batches


def drawn(draw, steps, *, pids=PIDS, batch=BATCH, first=0):
    """Return the pairs ``[P, 2]`` of some steps."""
    rows = [draw.rows(pids, batch, s, 3) for s in range(first, first + steps)]
    return np.concatenate(rows).reshape(-1, 2)


def same(pairs):
    return PIDS[pairs[:, 0]] == PIDS[pairs[:, 1]]


def passes(draw, number):
    return drawn(draw, -(-number * COUNT * 2 // BATCH))[: number * COUNT].reshape(number, COUNT, 2)


def test_every_image_is_the_first_of_a_pair_once_a_pass():
    for pairs in passes(PairDraw(1.0, 1.01, 4.0), 4):
        assert sorted(pairs[:, 0]) == list(range(COUNT))


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (PairDraw(1.0, 1.0, 4.0), [30, 30, 30, 30]),
        (PairDraw(1.0, 2.0, 4.0), [30, 20, 12, 12]),  # 1:1, 1:2, 1:4, and no further
        (PairDraw(4.0, 1.01, 4.0), [12, 12, 12, 12]),  # what the reference's release does
        (PairDraw(0.0, 1.0, 4.0), [60, 60, 60, 60]),
    ],
)
def test_the_share_of_positive_pairs_follows_the_passes(draw, expected):
    assert [same(pairs).sum() for pairs in passes(draw, 4)] == expected


def test_the_papers_schedule():
    draw = PairDraw(1.0, 1.01, 4.0)
    ratios = [1 / draw.positive_share(epoch) - 1 for epoch in (0, 1, 74, 139, 140, 1000)]
    assert ratios == pytest.approx([1, 1.01, 1.01**74, 1.01**139, 4, 4])
    assert 1.01**139 < 4 < 1.01**140


@pytest.mark.parametrize("negatives", [1.0, 3.0])
def test_both_kinds_stand_in_every_batch(negatives):
    for step in range(12):
        kinds = same(drawn(PairDraw(negatives, 1.0, negatives), 1, first=step))
        assert kinds.any()
        assert not kinds.all()


def test_a_batch_of_one_pair_sees_both_kinds_in_turns():
    kinds = same(drawn(PairDraw(1.0, 1.0, 1.0), 8, batch=2)).tolist()
    assert kinds == [False, True] * 4


def test_partners_are_other_images():
    pairs = drawn(PairDraw(1.0, 1.0, 1.0), 200)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert set(pairs[same(pairs), 1]) == set(pairs[~same(pairs), 1]) == set(range(COUNT))


def test_a_person_of_one_image_is_paired_with_itself():
    pairs = drawn(PairDraw(0.0, 1.0, 0.0), 4, pids=np.arange(8))
    assert (pairs[:, 0] == pairs[:, 1]).all()


def test_is_a_function_of_the_step_and_the_seed():
    draw = PairDraw(1.0, 1.01, 4.0)
    once, again, later = (draw.rows(PIDS, BATCH, s, 3).tolist() for s in (4, 4, 5))
    assert once == again != later
    assert draw.rows(PIDS, BATCH, 4, 5).tolist() != once
    first, second = (p[:, 0].tolist() for p in passes(draw, 2))
    assert first != second


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ((-1.0, 1.0, 4.0), "negatives"),
        ((1.0, 0.9, 4.0), "negatives_growth"),
        ((2.0, 1.0, 1.0), "negatives_limit"),
    ],
)
def test_refuses_what_is_no_ratio(values, name):
    with pytest.raises(ValueError, match=name):
        PairDraw(*values)
