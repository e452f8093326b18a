from __future__ import annotations

import json

import pytest

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry.loading import load_plugins
from reidbench.results.reported import Reported, load_reported
from reidbench.results.result import load_all as load_results
from reidbench.runs.plan import plan
from reidbench.runs.setting import open_setting
from reidbench.studies.index import find_index, index_of, load_index, results_of
from reidbench.studies.study import available, load_all, load_study
from tests.made_results import make_seeds, save_all

STUDY = """
title = "a table"
reported = "spgan/table 1"
protocol = "multi-query"

[vary]
sianet.margin = [0, 2]

[[run]]
label = "SPGAN"
method = "spgan"
settings = { embedding.pool = "max", "embedding.parts" = 8 }
reported = "m = {sianet.margin}"
"""
RUN = '[[run]]\nlabel = "x"\nmethod = "direct"\n'


@pytest.fixture
def write(tmp_path):
    def study(text: str, name: str = "mine.toml"):
        path = tmp_path / name
        path.write_text(text)
        return load_study(str(path))

    return study


def test_a_varied_parameter_makes_one_run_a_value(write):
    study = write(STUDY)
    first, second = study.runs
    assert (study.name, study.benchmark, study.plot) == ("mine", "synthetic", "bars")
    assert first.settings == {"embedding.pool": "max", "embedding.parts": 8, "sianet.margin": 0}
    assert second.varied == {"sianet.margin": 2}
    assert second.title == "SPGAN, margin = 2"
    assert second.reported == "m = 2"
    assert second.protocol == "multi-query"
    assert second.request == Request(method="spgan")


def test_runs_are_the_product_of_entries_and_values(write):
    text = '[vary]\na.b = [1, 2]\na.c = ["x", "y", "z"]\n' + RUN + RUN.replace('"x"', '"w"')
    study = write('title = "t"\n' + text)
    assert study.varied == ("a.b", "a.c")
    assert [run.title for run in study.runs][:2] == ["x, b = 1, c = x", "x, b = 1, c = y"]
    assert len({run.title for run in study.runs}) == 12


def test_a_run_says_more_than_the_study(write):
    study = write('title = "t"\ntested = "source"\n' + RUN + 'tested = "target"\nlearner = "pcb"')
    assert study.runs[0].tested == "target"
    assert study.runs[0].request.learner == "pcb"


def test_a_run_tells_its_direction_and_who_makes_the_masks(write):
    runs = 'masks = "unet"\n' + RUN + 'direction = "target-to-source"\n'
    other = RUN.replace('"x"', '"y"') + 'masks = "dataset"'
    there, here = (run.request for run in write('title = "t"\n' + runs + other).runs)
    assert (there.direction, there.masks) == ("target-to-source", "unet")
    assert (here.direction, here.masks) == (None, "dataset")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (RUN, "'title' is missing: it must be a text that is not empty"),
        ('title = "t"\n' + RUN + 'direction = "to-source"', "did you mean 'target-to-source'"),
        ('title = "t"\ndirection = "x"\n' + RUN, "no key is named 'direction'"),
        ('title = "t"\n' + RUN + "masks = 1", "run 'x': 'masks' must be a text, not 1"),
        (
            'title = "t"\nreported = 1\n' + RUN,
            "'reported' must be a table's name, or a list of",
        ),
        ('title = "t"', r"'run' is missing: it must be one or more \[\[run\]\]"),
        ('title = "t"\nplto = "bars"\n' + RUN, "'plto'; did you mean 'plot'"),
        ('title = "t"\nplot = "bar"\n' + RUN, "'plot' cannot be 'bar'; did you mean 'bars'"),
        ('title = "t"\nplot = "line"\n' + RUN, r"'line' needs \[vary\]"),
        ('title = "t"\nmeasure = "rank-1"\n' + RUN, "did you mean 'rank1'"),
        (
            'title = "t"\n' + RUN + "mehtod = 1",
            "run 'x': no key .* 'mehtod'; did you mean 'method'",
        ),
        ('title = "t"\n' + RUN + RUN, "two runs are called 'x'"),
        ('title = "t"\n[[run]]\nlabel = "x"', "run 'x': it needs a 'method' or a 'translator'"),
        ('title = "t"\n' + RUN + 'strategy = "fintune"', "did you mean 'finetune'"),
        ('title = "t"\n' + RUN + "settings = { margin = 1 }", "'margin' needs an owner"),
        ('title = "t"\n' + RUN + "settings = 1", "run 'x': 'settings' must be a table such as"),
        (
            'title = "t"\n' + RUN + 'constraints = "sianet"',
            "'constraints' must be a list of names",
        ),
        ('title = "t"\n' + RUN + "series = 1", "'series' must be a text, not 1"),
        ('title = "t"\n' + RUN + 'tested = "both"', "'tested' cannot be 'both'"),
        ('title = "t"\nvary = 3\n' + RUN, "'vary' must be a table such as .*, not 3"),
        ('title = "t"\n[vary]\na.b = 3\n' + RUN, "vary: 'a.b' needs a list"),
        ('title = "t"\n[vary]\na.b = []\n' + RUN, "vary: 'a.b' needs a list"),
        (
            'title = "t"\n[vary]\na.b = [1]\n' + RUN + "settings = { a.b = 1 }",
            "'a.b' is set and varied",
        ),
        ("title = ", "is not a study"),
    ],
)
def test_a_wrong_study_is_one_error_with_file_and_key(write, text, error):
    with pytest.raises(UsageError, match=error) as caught:
        write(text)
    assert "mine.toml" in str(caught.value)


def test_a_name_that_could_be_a_path_is_refused(write):
    with pytest.raises(UsageError, match="lower-case letters"):
        write('title = "t"\n' + RUN, "My Study.toml")


def test_an_unknown_study_names_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'spgan-table1'"):
        load_study("spgan-tabel1")
    with pytest.raises(UsageError, match=r"cannot read .*none\.toml: No such file"):
        load_study(str(tmp_path / "none.toml"))


def row(label: str, place: str = "table 1") -> Reported:
    return Reported("spgan", "A", place, label, "a", "b", "single-query", "target", {"mAP": 1.0})


def test_a_citation_that_does_not_exist_is_refused(write):
    study = write('title = "t"\nreported = "spgan/table 1"\n' + RUN + 'reported = "Direct"')
    known = (row("Direct"), row("else", "table 2"))
    assert study.cited(known) == known[:1]
    with pytest.raises(UsageError, match=r"run 'x'.*no row 'Direct'; did you mean 'Dircet'"):
        study.cited((row("Dircet"),))
    with pytest.raises(UsageError, match=r"mine\.toml.*did you mean 'spgan/table 2'"):
        study.cited((row("x", "table 2"),))


def test_a_study_cites_every_print_that_it_names(write):
    study = write('title = "t"\nreported = ["spgan/text", "spgan/table 1"]\n' + RUN)
    known = (row("a"), row("b", "text"), row("c", "table 2"))
    assert [r.label for r in study.cited(known)] == ["b", "a"]
    with pytest.raises(UsageError, match=r"no such table 'spgan/text'"):
        study.cited(known[:1])


def test_the_prints_in_which_sa_gan_contradicts_itself_are_cited_together():
    prints = {
        study: {
            r.measures["rank1"]
            for r in load_study(study).cited(load_reported())
            if r.label == label and r.target == target
        }
        for study, label, target in (
            ("sagan-table1", "SA-GAN", "market1501"),
            ("sagan-table2", "SA-GAN [M=10]", "prid2011"),
        )
    }
    assert prints == {"sagan-table1": {59.3, 58.3}, "sagan-table2": {41.7, 39.7}}


def test_a_point_that_the_print_does_not_assign_may_be_missing(write):
    assert write(STUDY).cited((row("m = 2"),))


def test_every_table_and_figure_of_spgan_is_there():
    tables = [f"table{n}" for n in range(1, 8)]
    figures = ["figure9a", "figure9b", *(f"figure{n}" for n in range(10, 14))]
    assert {f"spgan-{x}" for x in (*tables, *figures)} <= set(available())


def test_shipped_studies_compose_as_far_as_their_parts_are_installed():
    registry, benchmark = load_plugins().registry, load_benchmark("synthetic")
    methods = {m.name for m in registry.methods()}
    learners = {e.name for e in registry.entries("learner")}
    composed = 0
    for run in (run for study in load_all() for run in study.runs):
        if run.request.method in methods and run.request.learner in (None, *learners):
            compose(run.request, benchmark, registry, run.settings)
            composed += 1
    assert composed > 20


def test_no_two_names_stand_for_one_recipe_in_the_shipped_studies():
    registry, benchmark = load_plugins().registry, load_benchmark("synthetic")
    methods = {m.name for m in registry.methods()}
    learners = {e.name for e in registry.entries("learner")}
    names = {compose(Request(m), benchmark, registry, {}).digest: m for m in sorted(methods)}
    for run in (run for study in load_all() for run in study.runs):
        if run.request.method in methods and run.request.learner in (None, *learners):
            recipe = compose(run.request, benchmark, registry, run.settings)
            if not recipe.modified and recipe.digest in names:
                twin = compose(Request(names[recipe.digest]), benchmark, registry, {})
                assert recipe.name in {twin.name, run.request.method}, run.title


@pytest.mark.parametrize("table", ["sagan-table1", "sagan-table2", "sagan-table3"])
@pytest.mark.parametrize("scale", ["synthetic-viewpoint", "market1501-to-prid2011-a"])
def test_all_rows_of_sa_gans_tables_learn_by_one_ide(table, scale):
    pytest.importorskip("reidbench_sagan")
    registry, benchmark = load_plugins().registry, load_benchmark(scale)
    learners = [
        compose(run.request, benchmark, registry, run.settings).learner
        for run in load_study(table).runs
        if run.request.method != "camstyle"  # its smoothed labels are a part of it
    ]
    first = learners[0]
    assert first.parameters["decay_from"] == 0.5
    assert all(learner.identity() == first.identity() for learner in learners)


def test_table_1_shares_every_training_between_its_poolings():
    registry, benchmark = load_plugins().registry, load_benchmark("synthetic")
    recipes = {}
    for run in load_study("spgan-table1").runs:
        if run.request.method in ("cyclegan", "spgan"):
            recipe = compose(run.request, benchmark, registry, run.settings)
            identity = recipe.identity()
            assert bool(recipe.modified) == (run.series != "pooled as trained")
            trained = {k: v for k, v in identity.items() if k != "embedding"}
            recipes.setdefault(run.label, []).append(trained)
    assert all(first == second for first, second in recipes.values())


def test_figure_5_of_sa_gan_trains_one_translator_and_a_learner_each():
    pytest.importorskip("reidbench_sagan")
    registry, benchmark = load_plugins().registry, load_benchmark("synthetic-viewpoint")
    setting = open_setting(benchmark, registry, None, {})
    stages = [
        {(stage.kind, stage.key) for stage in plan(recipe, setting, 0, "float32").stages}
        for recipe in (
            compose(run.request, benchmark, registry, run.settings)
            for run in load_study("sagan-figure5").runs
        )
    ]
    every = set.union(*stages)
    assert sum(kind == "translator" for kind, _ in every) == 1
    assert sum(kind == "translate" for kind, _ in every) == len(stages) == 5
    # And that of the source, and the one that knows the true pictures.
    assert sum(kind == "learn" for kind, _ in every) == 7


@pytest.fixture
def indexed(write, tmp_path):
    """A study's index beside its results."""
    study = write(STUDY)
    folder = tmp_path / "results"
    measured = []
    for run, value in zip(study.runs, (0.3, 0.4), strict=True):
        results = make_seeds([value, value + 0.02], digest=f"{value}", modified=dict(run.varied))
        measured.append((run, [r.save(folder) for r in results]))
    index = index_of(study, measured, (0, 1), (row("m = 2"),))
    return index, index.save(folder / "synthetic")


def test_an_index_is_read_as_it_was_written_and_finds_its_results(indexed, tmp_path):
    index, path = indexed
    assert path == tmp_path / "results/synthetic/studies/mine.json"
    assert load_index(path) == index
    assert [r.measure("mAP") for r in results_of(index.runs[1], path)] == [0.4, 0.4 + 0.02]


def test_an_index_is_no_result(indexed, tmp_path):
    found = load_results(tmp_path / "results")
    assert len(found.results) == 4
    assert found.unreadable == ()


def test_an_index_is_found_by_name_and_benchmark(indexed, tmp_path):
    index, path = indexed
    results = tmp_path / "results"
    assert find_index("mine", results, None) == path
    assert find_index(str(path), results, None) == path
    with pytest.raises(UsageError, match="did you mean 'mine'"):
        find_index("mien", results, None)
    with pytest.raises(UsageError, match="was not run on 'other'"):
        find_index("mine", results, "other")
    other = index.save(results / "other")
    with pytest.raises(UsageError, match="was run on other, synthetic"):
        find_index("mine", results, None)
    assert find_index("mine", results, "other") == other


@pytest.mark.parametrize("name", ["../../secret.json", "/etc/x.json", "a/b.json", ".x.json", "x"])
def test_an_index_cannot_name_files_elsewhere(indexed, name):
    _, path = indexed
    raw = json.loads(path.read_text())
    raw["runs"][0]["results"] = [name]
    path.write_text(json.dumps(raw))
    with pytest.raises(ReidbenchError, match="must be the name of a result's file"):
        load_index(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("schema", 2), ("plot", "pie"), ("measure", "map"), ("runs", 3), ("seeds", ["x"])],
)
def test_what_is_no_index_is_refused_by_name(indexed, key, value):
    _, path = indexed
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(ReidbenchError, match=r"mine\.json is not the index of a study"):
        load_index(path)


def test_a_result_that_is_gone_is_named(indexed):
    index, path = indexed
    gone = path.parents[1] / index.runs[0].results[0]
    gone.unlink()
    with pytest.raises(ReidbenchError, match=gone.name):
        results_of(index.runs[0], path)


def test_results_of_another_study_are_left_alone(tmp_path):
    save_all(make_seeds([0.1]), tmp_path)
    with pytest.raises(UsageError, match="run it: reidbench sweep --study spgan-table1"):
        find_index("spgan-table1", tmp_path, None)
