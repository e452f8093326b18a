"""A run on a copy with corrupt images: refused by name, or by choice without them."""

from __future__ import annotations

import pytest

from reidbench.data.readers.market1501 import Market1501
from reidbench.testing.tiny import write_tiny_benchmark
from tests.acceptance.ground import SPGAN, read_result
from tests.data.trees import TRAIN, market_tree

BAD = f"bounding_box_train/{TRAIN[1]}"


@pytest.fixture
def market(place, tmp_path, monkeypatch):
    """A small Market-1501 with a corrupt image as the source, and a run on it."""
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / ".cache"))
    write_tiny_benchmark(place.benchmark, source="market1501")
    home = market_tree(tmp_path / "data" / "Market-1501-v15.09.15")
    (home / BAD).write_bytes(b"no image")
    return home, ("run", *SPGAN, "--data-root", str(home.parent))


def test_without_the_choice_the_error_names_it(place, market):
    _, args = market
    run = place(*args)
    assert run.exit_code == 1
    assert TRAIN[1] in run.stderr
    assert "--skip-corrupt leaves such images out" in run.stderr


def test_what_was_left_out_is_in_the_result(place, market, monkeypatch):
    _, args = market
    run = place(*args, "--skip-corrupt")
    assert run.exit_code == 0, run.stderr
    assert "look for corrupt images" in run.stderr
    result = read_result(place.results, "spgan")
    assert result["modified"]["skip_corrupt"] == [f"market1501/{BAD}"]
    with monkeypatch.context() as patched:
        patched.setattr(Market1501, "read", None)  # nothing is decoded again
        assert place(*args, "--skip-corrupt").exit_code == 0


def test_a_whole_copy_is_ranked_with_the_choice_as_without(place, market):
    home, args = market
    (home / BAD).write_bytes((home / "bounding_box_train" / TRAIN[0]).read_bytes())
    assert place(*args, "--skip-corrupt").exit_code == 0
    assert "skip_corrupt" not in read_result(place.results, "spgan")["modified"]
