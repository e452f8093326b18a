from __future__ import annotations

from pathlib import Path

import pytest

from reidbench.errors import ReidbenchError
from reidbench.results.measures import REPORTED
from reidbench.results.reported import load_recipes, load_reported
from reidbench.studies.study import load_all

HEAD = 'paper = "A et al., B"\n[[table]]\nname = "table 1"\n'
SETTING = 'source = "a"\ntarget = "b"\nprotocol = "single-query"\n'


@pytest.fixture(scope="module")
def shipped():
    return load_reported()


# Read from the papers once more, in another order than they were written down in.
READ_AGAIN = [
    ("spgan/table 1", "eSPGAN", "market1501", "rank20", 88.2),
    ("spgan/table 1", "CycleGAN", "dukemtmc", "rank10", 62.8),
    ("spgan/table 1", "Direct Transfer", "market1501", "mAP", 21.2),
    ("spgan/table 2", "naive eSPGAN", "dukemtmc", "mAP", 24.4),
    ("spgan/table 4", "eSPGAN with heuristic constraints", "market1501", "mAP", 28.6),
    ("spgan/table 5", "parts 4, max", "dukemtmc", "rank1", 52.4),
    ("spgan/table 6", "eSPGAN, multi-query", "market1501", "rank5", 81.1),
    ("spgan/table 7", "SPGAN + LMP", "dukemtmc", "mAP", 26.1),
    ("spgan/figure 12", "PCB, eSPGAN", "market1501", "rank1", 61.2),
    ("hhl/release's README", "Baseline", "dukemtmc", "mAP", 16.9),
    ("ipgan/table 1", "Baseline+CycleGAN", "dukemtmc", "rank5", 54.8),
    ("ipgan/table 2", "StarGAN", "market1501", "translated_accuracy", 28.0),
    ("ipgan/table 3", "IBN-reID+IPGAN", "market1501", "mAP", 28.0),
    ("ipgan/table 4", "PUL", "dukemtmc", "rank10", 48.5),
    ("simpgan/table 1", "UMDL", "grid", "rank10", 9.71),
    ("tllib/README, cross dataset mAP", "SPGAN", "msmt17", "mAP", 14.1),
    ("tllib/README, cross dataset mAP", "IBN", "dukemtmc", "mAP", 35.2),
    ("sagan/table I", "MMFA", "dukemtmc", "rank10", 66.3),
    ("sagan/table II", "PT-GAN", "prid2011", "mAP", 20.7),
    ("sagan/table III", "SA-GAN (WD)", "prid2011", "rank5", 35.6),
]


@pytest.mark.parametrize(("table", "label", "target", "measure", "value"), READ_AGAIN)
def test_values_read_from_the_papers_a_second_time(shipped, table, label, target, measure, value):
    rows = [r for r in shipped if (r.table, r.label, r.target) == (table, label, target)]
    assert rows[0].measures[measure] == value


def test_every_value_is_a_percentage_and_ranks_rise(shipped):
    assert len(shipped) > 200
    for row in shipped:
        ranks = [row.measures[m] for m in REPORTED if m.startswith("rank") and m in row.measures]
        assert ranks == sorted(ranks), row
        assert all(0 <= v <= 100 for v in row.measures.values()), row


@pytest.mark.parametrize(
    ("label", "places", "measure", "values"),
    [
        ("SA-GAN", ("table I", "section IV-C on table I"), "rank1", {59.3, 58.3}),
        ("SA-GAN [M=10]", ("table II", "section IV-C on table II"), "rank1", {41.7, 39.7}),
        ("eSPGAN + LMP", ("table 1", "table 7"), "mAP", {30.4, 29.6}),
        ("SPGAN", ("table 1", "table 6"), "rank5", {72.4, 71.4}),
        ("Baseline+IPGAN", ("table 1", "table 3"), "mAP", {26.7, 25.7}),
    ],
)
def test_prints_that_contradict_each_other_both_stand_and_say_so(
    shipped, label, places, measure, values
):
    rows = [r for r in shipped if r.label == label and r.place in places and r.note]
    assert {r.measures[measure] for r in rows} >= values


def test_what_cannot_be_assigned_is_not(shipped):
    points = {r.label: r for r in shipped if r.table == "spgan/figure 9a"}
    assert "m = 2" in points
    assert "m = 0" not in points
    assert sorted(p.measures["rank1"] for p in points.values()) == [52.8, 53.7, 54.6]


def test_every_study_cites_rows_that_exist(shipped):
    for study in load_all():
        rows = study.cited(shipped)
        own = not study.paper  # the project's
        assert rows or own or study.name == "sagan-figure5"  # its points have no printed values
        labels = {r.label for r in rows}
        if study.varied and rows:
            assert any(run.reported in labels for run in study.runs), study.name


def load_text(folder: Path, text: str):
    (folder / "mine.toml").write_text(text)
    return load_reported(folder)


def test_a_row_takes_what_its_table_says(tmp_path):
    text = HEAD + SETTING + 'rows = [{label = "x", mAP = 1}, {label = "y", mAP = 2, source = ""}]'
    x, y = load_text(tmp_path, text)
    assert (x.table, x.setting, x.measures) == ("mine/table 1", "a -> b", {"mAP": 1.0})
    assert y.setting == "b"


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (
            '{label = "x", mAP = 101}',
            "'table 1': rows 'x': 'mAP' must be a number of percent",
        ),
        ('{label = "x", mAP = -1}', "'mAP' must be a number of percent, not -1"),
        ('{label = "x", mAP = true}', "'mAP' must be a number of percent, not True"),
        ('{label = "x", mAP = nan}', "mAP' is nan; write a finite number"),
        ('{label = "x", rnak5 = 1}', "rows 'x': no key is named 'rnak5'; did you mean 'rank5'"),
        ('{label = "x"}', "rows 'x': it has no measure; known: mAP, rank1"),
        ("{mAP = 1}", "rows 1: 'label' is missing: it must be a text"),
        ('{label = "x", mAP = 1, note = 3}', "'note' must be a text, not 3"),
        (
            '{label = "x", mAP = 1, tested = "both"}',
            "'tested' cannot be 'both'; known: source",
        ),
        ('{label = "x", mAP = 1, protocol = ""}', "'protocol' is missing: it must be a text"),
        ('{label = "x", mAP = 1}, {label = "x", mAP = 2}', "has 'x' .* twice"),
        ('"x"', "not a file of reported numbers"),
    ],
)
def test_a_wrong_row_is_refused_by_file_table_and_key(tmp_path, rows, error):
    with pytest.raises(ReidbenchError, match=error) as caught:
        load_text(tmp_path, HEAD + SETTING + f"rows = [{rows}]")
    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["paper = 1", "= ", 'paper = "x"\ntable = "y"', 'paper = "x"\n[[tabel]]\n', "\udcff"]
)
def test_what_is_no_such_file_is_refused(tmp_path, text):
    (tmp_path / "mine.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ReidbenchError, match=r"mine\.toml"):
        load_reported(tmp_path)


def test_a_folder_without_files_reports_nothing(tmp_path):
    assert load_reported(tmp_path) == ()


def test_recipes_stand_for_rows_by_file_and_label(tmp_path):
    rows = SETTING + 'rows = [{label = "x", mAP = 1}]\n'
    load_text(tmp_path, HEAD + rows + '[recipes]\nx = ["spgan+ide", "spgan"]\n')
    assert load_recipes(tmp_path) == {("mine", "x"): ("spgan+ide", "spgan")}


@pytest.mark.parametrize(
    ("recipes", "error"),
    [
        ('y = ["spgan"]', "recipes: no row is labelled 'y'"),
        ("x = []", "recipes"),
        ('x = "spgan"', "recipes"),
    ],
)
def test_recipes_that_are_not_in_order_are_refused(tmp_path, recipes, error):
    rows = SETTING + 'rows = [{label = "x", mAP = 1}]\n'
    with pytest.raises(ReidbenchError, match=error):
        load_text(tmp_path, f"{HEAD}{rows}[recipes]\n{recipes}\n")
