from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reidbench.errors import ReidbenchError
from reidbench.results.measures import MEASURES, QUANTITIES
from reidbench.results.result import SCHEMA, Result, load, load_all, uncollected
from tests.made_results import make_result, with_sections


def written(result: Result, root: Path) -> dict:
    return json.loads(result.save(root).read_text())


def test_a_result_is_read_as_it_was_written(tmp_path):
    result = make_result(0.25, seed=2, modified={"budget.steps": 100})
    assert load(result.save(tmp_path)) == result


def test_a_file_names_its_schema_and_version_first(tmp_path):
    record = written(make_result(), tmp_path)
    assert list(record)[:2] == ["schema", "reidbench"]
    assert record["schema"] == SCHEMA == 2


def test_the_file_lies_under_benchmark_recipe_and_seed(tmp_path):
    path = make_result(seed=7).save(tmp_path)
    assert path.parent == tmp_path / "synthetic"
    assert re.fullmatch(r"spgan-[0-9a-f]{8}-seed7\.json", path.name)


def test_a_column_of_values_is_one_line_and_reads_the_same(tmp_path):
    odd = {"pid": list(range(20)), "text": ["a [\n 1\n ]", "b"], "none": [], "deep": [[1, 2], [3]]}
    result = replace(make_result(), scores={**make_result().scores, "per_query": odd})
    path = result.save(tmp_path)
    assert load(path).scores["per_query"] == odd
    assert any(
        line.strip().startswith('"pid": [0, 1, 2,') for line in path.read_text().splitlines()
    )


JSON_TEXT = st.text(alphabet=st.sampled_from('a [\n{]}":,\\\u2028\x85 \x1c'), max_size=12)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
)


@given(st.dictionaries(JSON_TEXT, JSON_VALUES, max_size=4))
def test_whatever_stands_on_one_line_reads_the_same(tmp_path_factory, values):
    path = replace(make_result(), execution=values).save(tmp_path_factory.mktemp("lines"))
    assert load(path).execution == values


def test_lists_and_tables_that_hold_none_are_a_line_each(tmp_path):
    stages = [{"title": "learn", "seconds": 1.5}, {"title": "embed", "at": [{"step": 1}]}]
    lines = replace(make_result(), execution={"stages": stages}).save(tmp_path).read_text()
    told = [line.strip() for line in lines.splitlines()]
    assert '{"title": "learn", "seconds": 1.5},' in told
    assert '"title": "embed",' in told
    assert '{"step": 1}' in told


@pytest.mark.parametrize(
    "change",
    [
        {"precision": "bf16"},
        {"modified": {"target.domain": "c"}},
        {"provenance": "weights of sha256 1234"},
        {"version": 2},
        {"target": {"name": "synthetic", "fingerprint": "c" * 32}},
        {"digest": "f" * 32},
        {"seed": 1},
    ],
)
def test_runs_that_differ_never_overwrite_one_another(tmp_path, change):
    assert make_result().save(tmp_path) != make_result(**change).save(tmp_path)


def test_the_same_run_replaces_its_file(tmp_path):
    first = make_result(0.1)
    path = first.save(tmp_path)
    again = replace(make_result(0.2), execution={"started": "later"})
    assert again.save(tmp_path) == path
    assert load(path).measure("mAP") == 0.2


@given(name=st.text(max_size=300), benchmark=st.text(max_size=300))
def test_no_name_leads_out_of_the_folder(name, benchmark):
    path = make_result(recipe=name, digest="0", name=benchmark).file_name
    assert len(path.parts) == 2
    for part in path.parts:
        assert re.fullmatch(r"[a-z0-9_@+][a-z0-9._@+-]*", part)
        assert len(part) < 200


@pytest.mark.parametrize("name", ["../../etc/passwd", "/abs", "..", "", "a/b", "Ä\0\n"])
def test_a_path_as_a_name_is_made_harmless(tmp_path, name):
    path = make_result(recipe=name, digest="0", name=name).save(tmp_path / "results")
    assert path.resolve().parent.parent == (tmp_path / "results").resolve()


def test_a_newer_schema_is_refused_with_what_would_do():
    record = make_result().to_dict() | {"schema": SCHEMA + 1}
    with pytest.raises(ReidbenchError, match=r"newer reidbench.*schema 3.*upgrade"):
        Result.from_dict(record)


@pytest.mark.parametrize("record", [None, 3, [], "x", {}, {"schema": "1"}, {"schema": True}])
def test_what_is_no_result_is_refused(record):
    with pytest.raises(ReidbenchError, match="not a result of reidbench"):
        Result.from_dict(record)


def without(record: dict, dotted: str) -> dict:
    *path, last = dotted.split(".")
    inner = record
    for part in path:
        inner = inner[part]
    del inner[last]
    return record


@pytest.mark.parametrize(
    "field",
    [
        "benchmark",
        "benchmark.digest",
        "benchmark.source.fingerprint",
        "benchmark.protocol.version",
        "recipe.provenance",
        "uses.target_labels",
        "scores.mAP_trapezoid",
        "execution",
    ],
)
def test_a_missing_field_is_named(field):
    record = json.loads(json.dumps(make_result().to_dict()))
    with pytest.raises(ReidbenchError, match=f"'{re.escape(field)}' is missing"):
        Result.from_dict(without(record, field))


@pytest.mark.parametrize("value", [-0.1, 1.1, 65.3, "0.5", None, True])
@pytest.mark.parametrize("measure", MEASURES)
def test_a_score_that_is_no_fraction_is_refused(measure, value):
    record = make_result().to_dict()
    record["scores"] = {**record["scores"], measure: value}
    with pytest.raises(ReidbenchError, match=rf"'scores\.{measure}' must be a fraction"):
        Result.from_dict(record)


@pytest.mark.parametrize("seeds", [[], ["0"], [0, True], [0.5]])
def test_seeds_must_be_whole_numbers(seeds):
    with pytest.raises(ReidbenchError, match=r"benchmark\.seeds"):
        Result.from_dict(make_result(seeds=seeds).to_dict())


def test_a_field_of_the_wrong_type_is_named():
    record = make_result().to_dict() | {"seed": True}
    with pytest.raises(ReidbenchError, match="'seed' must be a whole number, not True"):
        Result.from_dict(record)


BROKEN = {
    "empty.json": b"",
    "half.json": b'{"schema": 1, "reid',
    "binary.json": b"\xff\xfe\x00",
    "foreign.json": b'{"name": "something else"}',
    "nan.json": b'{"schema": 1, "seed": NaN}',
    "deep.json": b"[" * 100_000,
}


def test_broken_and_foreign_files_are_data(tmp_path):
    result = make_result()
    result.save(tmp_path)
    for name, content in BROKEN.items():
        (tmp_path / "synthetic" / name).write_bytes(content)
    (tmp_path / "synthetic" / "folder.json").mkdir()
    found = load_all(tmp_path)
    assert found.results == (result,)
    assert {u.path.name for u in found.unreadable} == {*BROKEN, "folder.json"}
    for unreadable in found.unreadable:
        assert unreadable.reason
        assert "\n" not in unreadable.reason


def test_a_number_that_is_not_json_is_refused(tmp_path):
    path = replace(make_result(), execution={"seconds": 1.5}).save(tmp_path)
    path.write_text(path.read_text().replace("1.5", "NaN"))
    with pytest.raises(ReidbenchError, match="NaN is not JSON"):
        load(path)


def test_a_broken_file_is_named_when_it_is_asked_for(tmp_path):
    path = tmp_path / "half.json"
    path.write_bytes(BROKEN["half.json"])
    with pytest.raises(ReidbenchError, match=r"half\.json is not a result"):
        load(path)
    with pytest.raises(ReidbenchError, match="cannot read"):
        load(tmp_path / "none.json")


def test_no_collection_searches_what_was_just_read(monkeypatch):
    calls = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 0)  # the tests themselves freeze much
    monkeypatch.setattr(gc, "freeze", lambda: calls.append(("freeze", gc.isenabled())))
    monkeypatch.setattr(gc, "unfreeze", lambda: calls.append(("unfreeze", gc.isenabled())))
    with uncollected():
        assert not gc.isenabled()
    assert calls == [("freeze", False), ("unfreeze", False)]
    assert gc.isenabled()


def test_what_a_program_keeps_from_collections_stays_kept(monkeypatch):
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 3)
    monkeypatch.setattr(gc, "unfreeze", lambda: pytest.fail("thawed"))
    with uncollected():
        pass
    assert gc.isenabled()


def test_a_missing_folder_holds_no_results(tmp_path):
    found = load_all(tmp_path / "none")
    assert found.results == found.unreadable == ()


def test_reported_numbers_and_pictures_are_not_read(tmp_path):
    make_result().save(tmp_path)
    (tmp_path / "reported").mkdir()
    (tmp_path / "reported" / "spgan.toml").write_text("mAP = 22.8")
    (tmp_path / "synthetic" / "picture.png").write_bytes(b"")
    found = load_all(tmp_path)
    assert (len(found.results), len(found.unreadable)) == (1, 0)


def test_reading_results_needs_no_torch():
    imports = "import sys, reidbench.results.result, reidbench.results.leaderboard_tables"
    code = f"{imports}; assert not {{'torch', 'pluggy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_results_of_earlier_versions_lack_sections_and_are_read():
    record = make_result().to_dict()
    del record["translation"], record["cost"]
    result = Result.from_dict(record)
    assert result.translation == result.cost == {}
    assert [result.quantity(name) for name in QUANTITIES] == [None] * len(QUANTITIES)


def test_a_measure_is_of_the_ranking_or_of_translation_quality():
    (result,) = with_sections([make_result(0.4)], real=0.9, translated=0.6)
    measures = ("mAP", "rank1", "real_accuracy", "translated_accuracy")
    assert [result.measure(name) for name in measures] == [0.4, 0.4, 0.9, 0.6]
    with pytest.raises(ReidbenchError, match=r"'spgan' \(seed 2\) has no translated_accuracy"):
        make_result(seed=2).measure("translated_accuracy")


def test_quantities_are_read_from_their_places():
    (result,) = with_sections([make_result()], real=1, kid=-0.5, seconds=None)
    assert result.quantity("real_accuracy") == 1.0
    assert result.quantity("kid") == -0.5
    assert result.quantity("cost") == 3e9
    assert result.quantity("seconds") is None
    assert Result.from_dict(json.loads(json.dumps(result.to_dict()))) == result


@pytest.mark.parametrize("section", ["translation", "cost"])
def test_a_section_must_hold_names(section):
    record = make_result().to_dict() | {section: [1]}
    with pytest.raises(ReidbenchError, match=rf"'{section}' must be a table, not \[1\]"):
        Result.from_dict(record)


@pytest.mark.parametrize("value", ["<b>", True, float("nan"), [1]])
def test_a_quantity_must_be_a_number(value):
    (result,) = with_sections([make_result()], fid=value)
    with pytest.raises(ReidbenchError, match=r"'translation\.fid' must be a finite number"):
        Result.from_dict(result.to_dict())
