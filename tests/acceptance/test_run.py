"""The main job, from the command to the files it leaves."""

from __future__ import annotations

import json
from itertools import pairwise

from PIL import Image

from reidbench.results import result as results
from tests.acceptance.ground import SPGAN, computed, read_result, timeless, weights


def stages(record):
    return record["execution"]["stages"]


def test_the_run_ends_with_a_table_a_result_and_a_picture(done):
    place, first = done
    assert first.exit_code == 0, first.stderr
    lines = [line.strip().split() for line in first.stdout.splitlines()]
    names = [words[1] if words[:1] == ["│"] else words[0] for words in lines if words]
    assert names.index("direct") < names.index("spgan") < names.index("difference")
    (path,) = place.results.glob("tiny/spgan-*.json")
    assert str(path) in first.stdout
    assert str(path.with_suffix(".png")) in first.stdout
    assert "Traceback" not in first.output


def test_the_plan_is_told_before_the_stages(done):
    _, first = done
    plan, trained = (first.stderr.index(t) for t in ("to compute", "train cyclegan+sianet: done"))
    assert plan < trained


def test_the_result_says_what_was_run(done):
    place, _ = done
    (path,) = place.results.glob("tiny/spgan-*.json")
    result = results.load(path)
    assert result.recipe["name"] == "spgan"
    assert result.seed == 0
    assert result.recipe["provenance"] == {"weights": "random initialisation"}
    assert result.uses["target_images"]
    assert not result.uses["target_labels"]
    assert result.modified == {}
    assert results.load_all(place.results).unreadable == ()
    assert [r.recipe["name"] for r in results.load_all(place.results).results] == [
        "direct",
        "spgan",
    ]


def test_what_was_kept_and_what_it_cost_is_told_and_recorded(done):
    place, first = done
    record = read_result(place.results, "spgan")
    kept, cost = record["translation"], record["cost"]
    told = " ".join(first.stdout.split())
    real, translated = (f"{100 * kept['accuracy'][n]:.1f}" for n in ("real", "translated"))
    assert f"spgan: identity accuracy {real} -> {translated}, FID" in told
    assert "by ide learned from synthetic:a train" in told
    assert "spgan: 5 networks of" in told
    assert "direct: 0 networks" not in told
    assert cost["translation"]["networks"] == 5  # two generators, two discriminators, SiaNet
    assert cost["translation"]["networks_at_test"] == 1
    assert cost["training_flops"] > 4 * cost["translation"]["flops_a_step"] > 0
    assert record["execution"]["translation"]["images_a_second"] > 0
    direct = read_result(place.results, "direct")
    assert direct["translation"] == {}
    assert direct["cost"]["embedding"] == cost["embedding"]


def test_the_picture_has_four_rows_of_images_and_one_of_the_truth(done):
    place, _ = done
    (path,) = place.results.glob("tiny/*.png")
    with Image.open(path) as sheet:
        column = sheet.convert("RGB").crop((sheet.width - 40, 0, sheet.width - 39, sheet.height))
    blank = [column.getpixel((0, y)) == (255, 255, 255) for y in range(column.height)]
    rows = sum(was and not now for was, now in pairwise(blank))
    assert rows == 4 + 1


def test_a_second_run_reuses_every_stage(done):
    place, _ = done
    before = read_result(place.results, "spgan")
    assert not all(s["reused"] for s in stages(before))
    again = place("run", *SPGAN)
    after = read_result(place.results, "spgan")
    assert again.exit_code == 0, again.stderr
    assert "to compute" not in again.stderr
    assert all(s["reused"] for s in stages(after))
    assert timeless(after) == timeless(before)


def test_another_cache_gives_the_same_result_and_another_seed_another(done, place):
    before = read_result(done[0].results, "spgan")
    same = place("run", *SPGAN, "--json")
    assert timeless(json.loads(same.stdout)) == timeless(before)
    assert not any(s["reused"] for s in stages(json.loads(same.stdout)))
    assert weights(place.cache) == weights(done[0].cache)
    other = json.loads(place("run", *SPGAN, "--seed", "1", "--json").stdout)
    assert other["seed"] == 1
    assert other["scores"] != before["scores"]


def test_weight_zero_leaves_the_translator_as_it_is(place):
    for extra in ([], ["--constraint", "sianet", "--set", "sianet.weight=0"]):
        assert place("run", "--translator", "cyclegan", *extra).exit_code == 0
    trained = weights(place.cache)
    without, weightless = (v for k, v in trained.items() if k.endswith("/translator.safetensors"))
    assert len(without) > 20
    assert without == weightless


def test_direct_transfer_translates_nothing(place):
    run = place("run", "--translator", "none")
    assert run.exit_code == 0, run.stderr
    assert not computed(place.cache, "translator", "translate", "preview")
    assert not list(place.results.glob("tiny/*.png"))
    assert "picture" not in run.stdout
