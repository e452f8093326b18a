"""Test images in the style of the source, by commands."""

from __future__ import annotations

import json

from tests.acceptance.ground import computed

BOTH = ("--method", "direct", "--method", "cyclegan", "--seeds", "0", "--json")


def test_a_sweep_turns_what_translates_and_trains_no_translator_twice(place):
    there = place("sweep", *BOTH)
    back = place("sweep", *BOTH, "--direction", "target-to-source")
    assert (there.exit_code, back.exit_code) == (0, 0), back.stderr
    runs = [[r["recipe"]["name"] for r in json.loads(each.stdout)] for each in (there, back)]
    assert runs == [["direct", "cyclegan"], ["direct", "cyclegan+to-source"]]
    assert len(computed(place.cache, "translator")) == 1
    assert len(computed(place.cache, "translate-test")) == 2


def test_a_run_stands_beside_direct_transfer_that_ranks_alike(place):
    run = place("run", "--method", "simpgan", "--set", "siamese.epochs=1")
    assert run.exit_code == 0, run.stderr
    assert "simpgan-direct" in run.stdout
    assert "knows nobody of the target" in " ".join(run.stdout.split())
    drawn = list(place.results.rglob("simpgan-*.png"))
    assert len(drawn) == 1


def test_wrong_words_are_told_before_anything_is_computed(place):
    for words, message in (
        (("--direction", "target-to-sorce"), "did you mean 'target-to-source'"),
        (("--masks", "unt"), "did you mean 'unet'"),
        (("--masks", "unet"), "nothing in this run reads person masks"),
        (("--strategy", "finetune", "--direction", "target-to-source"), "must be 'source'"),
    ):
        run = place("run", "--method", "cyclegan", *words)
        assert run.exit_code == 2
        assert message in " ".join(run.stderr.split())
    assert not computed(place.cache, "decode")


def test_masks_go_to_those_that_read_them(place):
    names = ("--method", "direct", "--method", "sagan-ws", "--seeds", "0", "--json")
    quick = ("--set", "unet.ids=4", "--set", "unet.epochs=1", "--set", "unet.width=4")
    swept = place("sweep", *names, "--masks", "unet", *quick)
    assert swept.exit_code == 0, swept.stderr
    direct, sagan = json.loads(swept.stdout)
    assert direct["masks"] == {}
    assert sagan["masks"]["from"].startswith("unet learned from synthetic")
    known = [told["iou"] for told in sagan["masks"]["sets"].values()]
    assert all(0 < iou["mean"] < 1 for iou in known)
