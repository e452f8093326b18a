"""Packed columns: nothing is lost by them, any hand can read them, and damage is told by name."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
import sys
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError
from reidbench.evaluation import Scores, Trials
from reidbench.results import columns
from reidbench.results.brief import load_all_in_brief
from reidbench.results.columns import MOST, pack, unpack
from reidbench.results.compared_methods import find
from reidbench.results.comparison import contrast
from reidbench.results.result import Result, load, load_all
from tests.made_results import make_result
from tests.results.test_brief import DIGEST

README = Path(__file__).parents[2] / "results" / "README.md"
WHOLE = st.integers(-(2**63), 2**63 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def scores_of(seed: int, queries: int = 120) -> Scores:
    """Return the scores of queries with two matches each; every tenth has none."""
    rng = np.random.default_rng(seed)
    ranks = [np.sort(rng.choice(300, 2, replace=False) + 1) for _ in range(queries)]
    found = [r if number % 10 else r[:0] for number, r in enumerate(ranks)]
    return Scores.from_ranks(np.arange(queries) // 3, found, 300, "stable")


def result_of(scores: Scores | Trials, **how: object) -> Result:
    return replace(make_result(**how), scores=scores.to_dict())


def plain(result: Result, root: Path) -> Path:
    """Write a result as versions before packed columns did."""
    path = root / result.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result.to_dict() | {"schema": 1}))
    return path


def table(values: list[float], dtype: str = "<f8") -> dict:
    content = np.array(values, dtype).tobytes()
    data = base64.b64encode(zlib.compress(content)).decode()
    return {"dtype": dtype, "length": len(values), "data": data}


def exact(values: object) -> object:
    """Return values that are equal if kinds and bits are, as of 0.0 and -0.0."""
    if isinstance(values, dict):
        return {name: exact(inner) for name, inner in values.items()}
    if isinstance(values, list):
        return list(map(exact, values))
    return (type(values), struct.pack("d", values) if type(values) is float else values)


@given(
    st.lists(st.one_of(WHOLE), min_size=0, max_size=60)
    | st.lists(st.none() | FINITE, max_size=60)
    | st.lists(st.none() | FINITE | WHOLE | st.booleans() | st.text(max_size=3), max_size=60),
)
def test_a_column_comes_back_to_the_last_bit(values):
    scores = {"cmc": values, "per_query": {"a": values}, "splits": [{"per_query": {"b": values}}]}
    through_a_file = json.loads(json.dumps(pack(scores)))
    assert exact(unpack(through_a_file)) == exact(scores)


@pytest.mark.parametrize(
    ("largest", "dtype"),
    [(127, "<i1"), (128, "<i2"), (2**15, "<i4"), (2**31, "<i8"), (0.5, "<f8"), (2**63, None)],
)
def test_whole_numbers_are_as_narrow_as_they_can_be(largest, dtype):
    column = pack({"cmc": [largest] * 300})["cmc"]
    assert (column["dtype"] if isinstance(column, dict) else None) == dtype


def test_a_column_is_packed_only_where_it_is_shorter_so():
    short, long = [0.1, None], list(range(300))
    packed = pack({"per_query": {"short": short, "long": long, "text": ["x"] * 300}})["per_query"]
    assert packed["short"] == short
    assert packed["long"]["length"] == 300
    assert packed["text"] == ["x"] * 300


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_value_that_json_lacks_is_packed_away(tmp_path, value):
    scores = {**make_result().scores, "cmc": [value, *[0.5] * 300]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(make_result(), scores=scores).save(tmp_path)


@pytest.mark.parametrize("scores", [scores_of(0), Trials((scores_of(1), scores_of(2)))])
def test_a_file_is_short_and_holds_what_it_held(tmp_path, scores):
    result = result_of(scores)
    path, before = result.save(tmp_path / "new"), plain(result, tmp_path / "old")
    record = json.loads(path.read_bytes())
    for part in record["scores"].get("splits", [record["scores"]]):
        assert {type(c) for c in (part["cmc"], *part["per_query"].values())} == {dict}
    assert path.stat().st_size < 0.6 * before.stat().st_size
    assert exact(load(path).to_dict()) == exact(load(before).to_dict()) == exact(result.to_dict())


def test_machines_of_the_other_order_of_bytes_read_the_same(monkeypatch):
    scores = scores_of(0).to_dict()
    packed = pack(scores)
    monkeypatch.setattr(sys, "byteorder", "big")
    assert exact(unpack(packed)) == exact(scores)


def test_a_query_without_a_match_still_has_none(tmp_path):
    loaded = load(result_of(scores_of(0)).save(tmp_path)).scores["per_query"]
    assert [loaded[name][10] for name in ("first", "ap", "inp")] == [0, None, None]
    assert Scores.from_dict(load(result_of(scores_of(0)).save(tmp_path)).scores).queries == 120


def test_a_column_is_read_by_hand_as_the_page_of_results_shows(tmp_path):
    path = result_of(scores_of(0)).save(tmp_path)
    (code,) = re.findall(r"```python\n(import base64.*?)```", README.read_text(), re.DOTALL)
    read: dict[str, object] = {"file": path}
    exec(code, read)
    np.testing.assert_array_equal(read["ap"], scores_of(0).ap)


def test_comparisons_of_packed_and_plain_results_are_equal(tmp_path):
    for seed in range(3):
        for number, recipe in enumerate(("spgan", "cyclegan")):
            result = result_of(scores_of(seed + 10 * number), seed=seed, recipe=recipe)
            result.save(tmp_path / "packed")
            plain(result, tmp_path / "plain")
    packed, as_text = (
        contrast(*(find(name, tmp_path / folder, "synthetic") for name in ("spgan", "cyclegan")))
        for folder in ("packed", "plain")
    )
    assert packed.to_dict() == as_text.to_dict()


def test_written_anew_the_results_of_a_folder_are_packed_and_nothing_else(tmp_path):
    path = plain(result_of(scores_of(0)), tmp_path)
    size, before = path.stat().st_size, load(path).to_dict()
    for result in load_all(tmp_path):
        result.save(tmp_path)
    assert path.stat().st_size < 0.6 * size
    assert exact(load(path).to_dict()) == exact(before)


def test_a_table_in_a_file_of_an_earlier_schema_is_no_packed_column(tmp_path):
    column = table([0.5])
    record = make_result().to_dict()
    record |= {"schema": 1, "scores": {**record["scores"], "cmc": column}}
    assert Result.from_dict(record).scores["cmc"] == column


GOOD = table([0.25, 0.5, 1.0])
DATA = GOOD["data"]
RAW = zlib.compress(b"\x00" * 24)


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"dtype": "<f4"}, "'dtype' cannot be '<f4'"),
        ({"dtype": "O"}, "'dtype' cannot be 'O'"),
        ({"dtype": 8}, "'dtype' must be "),
        ({"dtype": "<i4"}, "longer than the 12 bytes"),
        ({"length": 4}, "not the 32 bytes"),
        ({"length": 2}, "longer than the 16 bytes"),
        ({"length": 0}, "'length' must be a whole number from 1 to"),
        ({"length": -3}, "'length' must be a whole number from 1 to"),
        ({"length": MOST + 1}, "'length' must be a whole number from 1 to"),
        ({"length": 3.5}, "'length' must be a whole number from 1 to"),
        ({"length": None}, "'length' must be a whole number from 1 to"),
        ({"data": DATA[:-4]}, "cut off"),
        ({"data": DATA[:-3]}, "data: Invalid base64"),
        ({"data": DATA[:5] + "!" + DATA[6:]}, "data: Invalid base64"),
        ({"data": DATA[:5] + "\n" + DATA[5:]}, "data: Invalid base64"),
        ({"data": "é" + DATA}, "data: Invalid base64"),
        ({"data": ""}, "cut off"),
        ({"data": 3}, "'data' must be a base64 text, not 3"),
        ({"data": text(b"plainly not zlib")}, "cannot be decompressed"),
        ({"data": text(RAW[:-1] + b"?")}, "cannot be decompressed"),  # its checksum
        ({"data": text(RAW + b"more")}, "not the 24 bytes"),
        ({"data": text(zlib.compress(struct.pack("<3d", 1, math.inf, 2)))}, "an infinity"),
        ({"data": text(zlib.compress(struct.pack("<3d", 1, -math.inf, math.inf)))}, "an infinity"),
        ({"stranger": 1}, "no key is named 'stranger'"),
    ],
)
@pytest.mark.parametrize(
    "place", ["scores.cmc", "scores.per_query.ap", "scores.splits[1].per_query.first"]
)
def test_damage_is_told_with_file_and_field(tmp_path, place, change, problem):
    path = make_result().save(tmp_path)
    record = json.loads(path.read_bytes())
    column, scores = {**GOOD, **change}, record["scores"]
    if place == "scores.cmc":
        scores["cmc"] = column
    elif "splits" in place:
        scores["splits"] = [{}, {"per_query": {"first": column}}]
    else:
        scores["per_query"]["ap"] = column
    path.write_text(json.dumps(record))
    told = rf"{re.escape(str(path))} is not a result .*the column '{re.escape(place)}' is damaged: "
    with pytest.raises(ReidbenchError, match=told) as caught:
        load(path)
    assert problem in str(caught.value)
    assert [u.path for u in load_all(tmp_path).unreadable] == [path]


@pytest.mark.parametrize("column", [{"data": DATA}, {"dtype": "<f8"}, {"length": 3, "data": DATA}])
def test_half_a_packed_column_is_refused(column):
    with pytest.raises(
        ReidbenchError, match=r"'scores\.per_query\.ap' is damaged: '.*' is missing"
    ):
        unpack({"per_query": {"ap": column}})


def test_what_is_no_packed_column_is_left_to_who_reads_it():
    odd = {
        "cmc": {},
        "per_query": {"ap": "x", "pid": None, "first": {"name": 3}},
        "splits": [1, {"per_query": []}],
    }
    assert unpack(odd) == odd
    assert unpack({"per_query": 3, "splits": {}}) == {"per_query": 3, "splits": {}}


def test_a_bomb_does_not_go_off():
    bomb = GOOD | {"data": text(zlib.compress(bytes(1 << 26)))}
    tracemalloc.start()
    try:
        with pytest.raises(ReidbenchError, match="longer than the 24 bytes"):
            unpack({"cmc": bomb})
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_many_columns_are_no_bomb_either(monkeypatch):
    monkeypatch.setattr(columns, "MOST", 1000)
    column = table([0.5] * 400)
    assert len(unpack({"per_query": {"a": column, "b": column}})["per_query"]["b"]) == 400
    with pytest.raises(ReidbenchError, match=r"per_query\.c' is damaged: .* more than 1000 values"):
        unpack({"per_query": {"a": column, "b": column, "c": column}})


def test_no_more_is_packed_than_can_be_unpacked(monkeypatch):
    monkeypatch.setattr(columns, "MOST", 1000)
    scores = {"per_query": {name: [0.5] * 400 for name in "abc"}}
    assert unpack(pack(scores)) == scores


def test_the_leaderboard_opens_no_column(tmp_path):
    path = result_of(scores_of(0), digest=DIGEST).save(tmp_path)
    path.write_text(re.sub(r'"data": "[^"]*"', '"data": "?"', path.read_text()))
    (brief,) = load_all_in_brief(tmp_path)
    assert brief.measure("mAP") == scores_of(0).mean_ap
    assert len(load_all(tmp_path).unreadable) == 1
