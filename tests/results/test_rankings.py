"""Orders beside each other: whose methods are the same, how sure the pairs are, what is refused."""

from __future__ import annotations

import json
from itertools import combinations
from math import ceil, sqrt

import pytest

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import compose
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.rank_correlation import resampled_taus
from reidbench.registry.loading import load_plugins
from reidbench.results import ranking_tables as tables
from reidbench.results.leaderboard import build
from reidbench.results.order_comparison import compare_orders
from reidbench.results.order_pairs import read_rankings
from reidbench.results.orders import Order, OrderedMethod, measured_orders, reported_orders, shared
from reidbench.results.reported import Reported, load_recipes, load_reported
from reidbench.studies.study import load_all
from tests.made_results import make_result, make_seeds

NOISE = (0.0, 0.012, -0.007)
"""Of each seed, of all methods alike."""


def measured(name, means, *, wobble=0.001, seeds=3):
    """Return an order of methods a, b, ... with such means; seeds move all of them alike."""
    methods = [
        OrderedMethod(
            letter,
            (letter,),
            tuple(m + NOISE[s % 3] + wobble * ((i * 7 + s * 5) % 3 - 1) for s in range(seeds)),
        )
        for i, (letter, m) in enumerate(zip("abcdefgh", means, strict=False))
    ]
    ordered = sorted(methods, key=lambda m: -sum(m.values))
    return Order(name, "", f"{name} (version 1)", tuple(range(seeds)), tuple(ordered), {})


def printed(name, rows):
    methods = [OrderedMethod(label, recipes, (value,)) for label, recipes, value in rows]
    return Order(name, name, "A et al.", (), tuple(sorted(methods, key=lambda m: -m.values[0])), {})


def on(benchmark, means, **how):
    """Return three seeds of each recipe on a benchmark."""
    return [
        result
        for number, (recipe, mean) in enumerate(means.items())
        for result in make_seeds(
            [mean + noise + 0.001 * ((number + seed) % 3) for seed, noise in enumerate(NOISE)],
            recipe=recipe,
            name=benchmark,
            digest=f"{recipe}-{benchmark}",
            **how,
        )
    ]


FOUR = {"a": 0.8, "b": 0.6, "c": 0.4, "d": 0.2}
TURNED = {"a": 0.2, "b": 0.4, "c": 0.6, "d": 0.8}


def test_the_same_order_is_alike_in_every_pair_and_draw():
    means = [0.9, 0.7, 0.5, 0.3, 0.1]
    found = compare_orders(measured("one", means), measured("two", means))
    tau = found.correlation
    assert (tau.tau, tau.low, tau.high, tau.every) == (1, 1, 1, True)
    assert tau.p_value == pytest.approx(2 / 120)
    assert (found.pairs.alike, found.pairs.reversed, found.pairs.of) == (10, 0, 10)
    assert (found.sure.alike, found.sure.of, found.contradictions) == (10, 10, ())
    assert [side.agreement for side in found.sides] == [1, 1]


def test_the_opposite_order_contradicts_in_every_pair():
    found = compare_orders(
        measured("one", [0.9, 0.6, 0.3]), measured("two", [0.3, 0.6, 0.9], wobble=0.0)
    )
    assert found.correlation.tau == -1
    assert found.pairs.share == 0
    assert found.sure.reversed == found.sure.of == 3
    assert found.contradictions == (("a", "b"), ("a", "c"), ("b", "c"))
    assert [(m.name, m.places) for m in found.methods] == [
        ("a", (1, 3)),
        ("b", (2, 2)),
        ("c", (3, 1)),
    ]


def test_who_is_ahead_is_told_of_both_sides():
    """The first side lists c, b, a: whoever is ahead there stands first."""
    found = compare_orders(measured("one", [0.1, 0.5, 0.9]), measured("two", [0.9, 0.5, 0.1]))
    assert set(found.contradictions) == {("c", "b"), ("c", "a"), ("b", "a")}


def test_tied_methods_share_a_place_and_are_in_no_order():
    found = compare_orders(
        measured("one", [0.9, 0.5, 0.1], wobble=0), measured("two", [0.9, 0.5, 0.5], wobble=0)
    )
    assert found.correlation.tau == pytest.approx(2 / sqrt(3 * 2))
    assert (found.pairs.alike, found.pairs.reversed, found.pairs.of) == (2, 0, 3)
    assert [m.places[1] for m in found.methods] == [1, 2, 2]
    assert found.sure.of == 2


def test_the_interval_is_narrow_where_seeds_agree_and_wide_where_they_do_not():
    means = [0.50, 0.49, 0.48, 0.47, 0.46]
    widths = []
    for wobble in (0.001, 0.02, 0.2):
        tau = compare_orders(
            measured("one", means, wobble=wobble), measured("two", means, wobble=wobble)
        ).correlation
        widths.append(tau.high - tau.low)
    assert widths[0] == 0 < widths[1] < widths[2]


def test_a_pair_that_one_side_does_not_tell_apart_is_not_sure():
    first, second = measured("one", [0.9, 0.5, 0.1]), measured("two", [0.1, 0.5, 0.51], wobble=0.1)
    found = compare_orders(first, second)
    assert found.pairs.of == 3
    assert found.sure.of == 0
    assert found.contradictions == ()
    assert found.sure.share is None


def test_pairs_are_told_apart_with_holm_s_correction():
    """By itself each t is sure; of twenty-eight pairs some no longer are."""
    means = [0.9, 0.88, 0.86, 0.84, 0.82, 0.80, 0.78, 0.76]
    one = measured("one", means, wobble=0.003)
    few = Order("few", "", "few", one.seeds, one.methods[:3], {})
    wanted = {m.name for m in few.methods}
    pair = compare_orders(few, few)
    assert pair.sure.of == 3
    among = compare_orders(one, one)
    assert among.sure.of < 28
    assert wanted <= {m.name for m in among.methods}


def test_one_seed_tells_nothing_apart_and_is_held_fixed():
    first, second = measured("one", [0.9, 0.5, 0.1], seeds=1), measured("two", [0.9, 0.5, 0.1])
    found = compare_orders(first, second)
    assert found.sure.of == 0
    assert found.first.agreement is None
    assert any("one has one seed: it is held fixed" in note for note in found.notes)
    alone = compare_orders(first, measured("two", [0.9, 0.5, 0.1], seeds=1)).correlation
    assert (alone.low, alone.high) == (None, None)


def test_five_seeds_are_drawn_as_often_as_asked_and_repeat():
    means = [0.50, 0.49, 0.48, 0.47]
    sides = [measured(name, means, wobble=0.05, seeds=5) for name in ("one", "two")]
    found = compare_orders(*sides, samples=200, seed=1)
    assert not found.correlation.every
    assert found == compare_orders(*sides, samples=200, seed=1)
    assert not any("seeds" in note for note in found.notes)


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_interval_leaves_out_a_fortieth_of_the_draws_on_either_side(seeds):
    means = [0.50, 0.49, 0.48, 0.47, 0.46, 0.45, 0.44, 0.43]
    one, two = (measured(n, means, wobble=w, seeds=seeds) for n, w in (("1", 0.03), ("2", 0.02)))
    for seed in range(5):
        found = compare_orders(one, two, samples=100, seed=seed).correlation
        drawn = resampled_taus(*shared(one, two).values, samples=100, seed=seed)
        taus = sorted(drawn.taus.tolist())
        low, high = (taus[ceil(share * len(taus)) - 1] for share in (0.025, 0.975))
        assert (found.low, found.high) == (low, high)
        assert low < high


def test_few_methods_are_said_to_decide_nothing():
    by_count = {}
    for count in (3, 4, 5):
        order = measured("one", [0.9, 0.7, 0.5, 0.3, 0.1][:count])
        by_count[count] = " ".join(compare_orders(order, order).notes)
    assert "tau can only be -1, -1/3, 1/3 or 1" in by_count[3]
    assert "once in three" in by_count[3]
    assert "once in twelve" in by_count[4]
    assert "methods decide" not in by_count[5]
    assert "one has 3 seeds, which can be drawn in 27 ways" in by_count[5]


def test_a_paper_s_numbers_stay_and_are_taken_as_printed():
    paper = printed("x/table 1", [("A", ("a",), 0.3), ("B*", ("b",), 0.2), ("C", ("c",), 0.2)])
    found = compare_orders(measured("one", [0.1, 0.5, 0.9]), paper)
    assert found.second.seeds == ()
    assert found.second.agreement is None
    assert [m.name for m in found.methods] == ["c (C)", "b (B*)", "a (A)"]
    assert (found.sure.of, found.sure.reversed) == (2, 2)  # b and c are tied in print
    assert set(found.contradictions) == {("c (C)", "a (A)"), ("b (B*)", "a (A)")}


def test_rows_of_a_paper_find_the_nearest_recipe_once():
    paper = printed(
        "x/table 1",
        [
            ("Base", ("a+own", "a"), 0.1),
            ("Other learner, base", ("a",), 0.2),
            ("B", ("b+own", "b"), 0.3),
            ("Unknown", ("z",), 0.4),
        ],
    )
    alone = shared(measured("one", [0.9, 0.5]), paper)
    assert dict(alone.names) == {"a": "Other learner, base", "b": "B"}
    both = measured("one", [0.9, 0.5])
    own = OrderedMethod("a+own", ("a+own",), (0.7, 0.7, 0.7))
    with_own = Order("one", "", "one", both.seeds, (*both.methods, own), {})
    assert dict(shared(with_own, paper).names) == {
        "a": "Other learner, base",
        "a+own": "Base",
        "b": "B",
    }
    base = printed("x/table 1", [("Base", ("a+own", "a"), 0.1)])
    assert shared(with_own, base).names == (("a+own", "Base"),)


def test_fewer_than_three_shared_methods_are_refused_by_name():
    second = printed("x/table 1", [("A", ("a",), 0.1), ("B", ("b",), 0.2)])
    with pytest.raises(UsageError, match=r"share 2 ranked methods \(a, b\): .* from 3 on"):
        compare_orders(measured("one", [0.9, 0.5, 0.1]), second)
    with pytest.raises(UsageError, match="share no ranked methods: "):
        compare_orders(measured("one", [0.9, 0.5, 0.1]), printed("y", [("Z", ("z",), 0.1)]))


def test_methods_that_all_score_alike_are_in_no_order():
    with pytest.raises(ReidbenchError, match="'two' all methods score alike"):
        compare_orders(measured("one", [3, 2, 1]), measured("two", [1, 1, 1], wobble=0))


def test_benchmarks_are_compared_in_pairs_by_the_names_of_recipes():
    results = [*on("one", FOUR), *on("two", TURNED), *on("three", {"a": 0.5, "b": 0.4})]
    found = read_rankings(results)
    assert [(c.first.name, c.second.name) for c in found] == [("one", "two")]
    assert len(found) == 1
    assert found[0].correlation.tau == -1
    (turned,) = read_rankings(results, ["two"])
    assert (turned.first.name, turned.second.name) == ("two", "one")
    assert [m.name for m in turned.methods] == ["d", "c", "b", "a"]


def test_another_measure_and_methods_left_out_change_what_is_compared():
    results = [*on("one", FOUR), *on("two", TURNED)]
    for result in results:
        result.scores["rank1"] = 1 - result.scores["mAP"]
    (found,) = read_rankings(results, measure="rank1", left_out=["d"])
    assert (found.measure, [m.name for m in found.methods]) == ("rank1", ["c", "b", "a"])
    assert tables.place_headings(found)[-1] == "rank-1, B"
    with pytest.raises(UsageError, match="no method to leave out is named 'x'; known: a, b, c, d"):
        read_rankings(results, left_out=["x"])
    with pytest.raises(UsageError, match="no measure is named 'rnk1'; did you mean 'rank1'"):
        read_rankings(results, measure="rnk1")


def test_ceilings_are_left_out_unless_they_are_asked_for():
    truth = [r for b in ("one", "two") for r in on(b, {"perfect": 0.9})]
    for result in truth:
        result.uses["ground_truth"] = True
    results = [*on("one", FOUR), *on("two", TURNED), *truth]
    assert "perfect" not in [m.name for m in read_rankings(results)[0].methods]
    (found,) = read_rankings(results, ceilings=True)
    assert found.methods[0].name == "perfect"


def test_unfinished_seeds_are_left_out_and_named():
    unfinished = [make_result(0.7, 0, recipe="e", name="one"), *on("two", {"e": 0.1})]
    results = [*on("one", FOUR), *on("two", TURNED), *unfinished]
    (found,) = read_rankings(results)
    assert len(found.methods) == 4
    assert found.first.left_out == ("e: seeds 1, 2 missing",)
    assert found.second.others == ("e",)
    assert "Left out of one: e: seeds 1, 2 missing." in tables.notes(read_rankings(results))


def test_rows_of_one_name_are_left_out_rather_than_chosen_from():
    twice = make_seeds([0.1, 0.2, 0.3], recipe="a", name="one", digest="older")
    results = [*on("one", FOUR), *twice, *on("two", TURNED)]
    (found,) = read_rankings(results)
    assert [m.name for m in found.methods] == ["b", "c", "d"]
    assert found.first.left_out == ("a: several rows have this name",)


def test_the_newest_version_of_a_benchmark_is_compared():
    results = [*on("one", TURNED, version=1), *on("one", FOUR, version=2), *on("two", FOUR)]
    (found,) = read_rankings(results)
    assert found.first.title.startswith("one (version 2")
    assert found.correlation.tau == 1


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["one", "one"], UsageError, "'one' cannot be compared with itself"),
        (["one", "twoo"], UsageError, "did you mean 'two'.*; benchmarks: one, two"),
        (["one", "spgan/table 9"], UsageError, "tables: .*spgan/table 1, "),
        (["half"], UsageError, "nothing is ranked on benchmark 'half': a: seeds 1, 2 missing"),
        (["one", "spgan/table 1"], UsageError, "share no ranked methods"),
    ],
)
def test_what_cannot_be_compared_says_what_there_is(names, error, message):
    half = [make_result(0.7, 0, recipe="a", name="half")]
    with pytest.raises(error, match=message):
        read_rankings([*on("one", FOUR), *on("two", TURNED), *half], names)


def test_nothing_to_compare_is_an_error(tmp_path):
    with pytest.raises(ReidbenchError, match="no two benchmarks, and no benchmark and paper"):
        read_rankings(on("one", FOUR))
    with pytest.raises(ReidbenchError, match="no other order shares three ranked methods with"):
        read_rankings(on("one", FOUR), ["one"])
    with pytest.raises(ReidbenchError, match="there are no results in"):
        read_rankings(tmp_path)


def reported(label, source, target, place="table 1", protocol="single-query", **measures):
    return Reported("x", "A et al.", place, label, source, target, protocol, "target", measures)


def test_reported_orders_are_of_one_table_source_target_and_protocol():
    rows = [
        reported("Supervised", "", "m", mAP=60.0),
        reported("A", "d", "m", mAP=20.0, rank1=50.0),
        reported("B", "d", "m", rank1=40.0),
        reported("A", "m", "d", mAP=10.0),
        reported("A", "d", "m", protocol="multi-query", mAP=30.0),
        reported("No recipe", "d", "m", mAP=99.0),
    ]
    recipes = {("x", "A"): ("a",), ("x", "B"): ("b",), ("x", "Supervised"): ("s",)}
    found = {o.name: o for o in reported_orders(rows, recipes, "mAP")}
    assert set(found) == {
        "x/table 1, d -> m, single-query",
        "x/table 1, d -> m, multi-query",
        "x/table 1, m -> d",
    }
    one = found["x/table 1, d -> m, single-query"]
    assert [(m.name, m.values) for m in one.methods] == [("Supervised", (0.6,)), ("A", (0.2,))]
    assert (one.table, one.title, one.reported) == ("x/table 1", "A et al.", True)
    (ranked,) = reported_orders(rows, recipes, "rank1")
    assert [m.name for m in ranked.methods] == ["A", "B"]


def test_a_table_of_a_paper_stands_for_each_of_its_settings():
    means = {"direct": 0.1, "cyclegan-noidt": 0.2, "cyclegan": 0.3, "spgan": 0.4, "espgan": 0.5}
    results = on("one", means)
    found = read_rankings(results, ["spgan/table 1", "one"])
    assert [c.first.name for c in found] == [
        "spgan/table 1, dukemtmc -> market1501",
        "spgan/table 1, market1501 -> dukemtmc",
    ]
    assert [c.correlation.tau for c in found] == [1, 1]
    (one,) = read_rankings(results, ["one", "spgan/table 1, market1501 -> dukemtmc"])
    assert one.methods[0].name == "espgan (eSPGAN)"
    every = read_rankings(results)
    assert {c.first.name for c in every} == {"one"}
    assert {c.second.name.partition("/")[0] for c in every} == {"sagan", "spgan"}


def test_two_papers_are_compared_when_they_are_named():
    found = read_rankings(on("one", FOUR), ["spgan/table 1", "spgan/table 6"])
    assert found[0].first.name == "spgan/table 1, dukemtmc -> market1501"
    assert found[0].correlation.low is None
    assert tables.rows(found)[0][4] == "-"


def test_the_tables_tell_every_comparison_and_its_reversed_pairs():
    found = read_rankings([*on("one", FOUR), *on("two", {**TURNED, "a": 0.9})])
    (row,) = tables.rows(found)
    assert row == ["one", "two", "4", "+0.00", "+0.00 to +0.00", "1", "+1.00", "+1.00",
                   "3 of 6", "3 of 6"]  # fmt: skip
    against = tables.contradictions(found)
    assert against == [["one", "two", a, b] for a, b in combinations("bcd", 2)]
    page = tables.markdown(found)
    assert "| one | two | 4 |" in page
    assert "### Told apart and reversed" in page
    lines = tables.as_csv(found).splitlines()
    assert lines[0].split(",") == list(tables.CSV_COLUMNS)
    assert lines[1].startswith("one,two,mAP,4,0.0,0.0,0.0,1.0,1.0,1.0,6,3,3,6,3,3")
    assert r"one & two & 4 & +0.00" in tables.as_latex(found)
    assert tables.verdict(found[0]).startswith("tau-b +0.00 (+0.00 to +0.00 over seeds), p 1;")


def test_a_comparison_is_ready_for_json_and_for_a_notebook():
    evil = "<script>"
    means = {**FOUR, evil: 0.1}
    found = read_rankings([*on("one", means), *on("two", means)])
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["measure"] == "mAP"
    assert record["comparisons"][0]["correlation"]["tau"] == 1
    assert record["comparisons"] == [json.loads(json.dumps(c.to_dict())) for c in found]
    for shown in (found, found[0]):
        page = shown._repr_html_()
        assert "&lt;script&gt;" in page
        assert evil not in page


def test_an_order_has_the_best_method_first_and_a_value_a_seed():
    (order,) = measured_orders(build(on("one", FOUR)), on("one", FOUR), "mAP")
    assert [m.name for m in order.methods] == list("abcd")
    assert order.seeds == (0, 1, 2)
    assert len(order.methods[0].values) == 3


def test_a_study_s_run_is_among_the_recipes_that_stand_for_its_row():
    """So that what the papers' tables were repeated by is what their rows are compared with."""
    registry, recipes = load_plugins().registry, load_recipes()
    benchmark = load_benchmark("synthetic")
    checked = 0
    for study in load_all():
        for run in study.runs:
            for table in study.reported:
                names = recipes.get((table.partition("/")[0], run.reported), ())
                if names and not (run.settings or run.tested):
                    name = compose(run.request, benchmark, registry, {}).name
                    assert name in names, (study.name, run.title)
                    checked += 1
    assert checked > 40


def test_every_row_that_a_study_runs_has_its_recipe():
    recipes = load_recipes()
    rows = {(r.file, r.label) for r in load_reported()}
    assert set(recipes) <= rows
    for study in load_all():
        for run in study.runs:
            if run.reported and not (run.settings or run.varied or run.tested):
                files = {table.partition("/")[0] for table in study.reported}
                assert any((file, run.reported) in recipes for file in files), run.title


def test_a_pair_without_an_order_is_left_out_of_many_and_told_of_one():
    tied = on("tied", dict.fromkeys("abcd", 0.5))
    for result in tied:
        result.scores["mAP"] = 0.5
    results = [*on("one", FOUR), *on("two", TURNED), *tied]
    assert [c.second.name for c in read_rankings(results)] == ["two"]
    with pytest.raises(ReidbenchError, match="on 'tied' all methods score alike"):
        read_rankings(results, ["one", "tied"])
