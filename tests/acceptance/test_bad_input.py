"""What a user may get wrong: one clear error, the right exit code, and nothing trained."""

from __future__ import annotations

import errno
import os

import pytest
import torch

from reidbench.data.readers.prid2011 import Prid2011
from reidbench.storage.artifacts import Store
from reidbench.testing.tiny import write_tiny_benchmark
from tests.acceptance.ground import SPGAN, computed
from tests.data.trees import market_tree, prid_tree, write_image

NEEDY = """
    from reidbench.hookspecs import hookimpl
    from reidbench.interfaces import IdentityConstraint

    class Warped(IdentityConstraint):
        needs = frozenset({"grid"})
        def setup(self, ctx): pass
        def losses(self, hops, clock): return {}

    @hookimpl
    def reidbench_register(registry):
        registry.constraint("warped", "reidbench_needy:Warped")
"""


def refused(run, cache, code, *said):
    """Check that a run ended with one error before anything was trained."""
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, run.stderr
    assert run.exit_code == code, run.stderr
    for words in said:
        assert words in errors[0]
    assert len(errors[0]) < 400
    # Only the hint at the help may follow.
    *_, last = run.stderr.splitlines()
    assert last == errors[0] or last.startswith("see: "), run.stderr
    assert "Traceback" not in run.output
    assert run.stdout == ""
    assert not computed(cache, "learn", "translator")


USAGE = {
    "nothing": ((), "name what to run"),
    "method": (("--method", "spgn"), "no method is named 'spgn'", "'spgan'"),
    "translator": (("--translator", "cylegan"), "no translator is named", "'cyclegan'"),
    "constraint": (
        ("--translator", "cyclegan", "--constraint", "sianett"),
        "no constraint is named",
        "'sianet'",
    ),
    "constraint twice": ((*SPGAN, "--constraint", "sianet"), "'sianet' is named twice"),
    "learner": ((*SPGAN, "--learner", "ida"), "no learner is named", "'ide'"),
    "strategy": ((*SPGAN, "--strategy", "finetun"), "no strategy is named", "'finetune'"),
    "strategy without translation": ((*SPGAN, "--strategy", "source"), "does not use"),
    "dataset": ((*SPGAN, "--source", "synthetik"), "no dataset is named", "'synthetic'"),
    "of the protocol": ((*SPGAN, "--set", "protocol.nam=1"), "'protocol' has no parameter 'nam'"),
    "type": ((*SPGAN, "--set", "sianet.margin=wide"), "sianet.margin takes float"),
    "range": ((*SPGAN, "--set", "sianet.margin=3"), "margin"),
    "range of the learner": ((*SPGAN, "--set", "ide.batch=1"), "batch"),
    "range of the translator": ((*SPGAN, "--set", "cyclegan.width=0"), "width"),
    "range of the budget": ((*SPGAN, "--set", "budget.steps=-1"), "steps"),
    "range of the data": ((*SPGAN, "--set", "source.gap=9"), "gap"),
    "not a number": ((*SPGAN, "--set", "sianet.weight=NaN"), "sianet.weight"),
    "parameter": ((*SPGAN, "--set", "sianet.margn=1"), "no parameter 'margn'", "'margin'"),
    "owner": ((*SPGAN, "--set", "sianett.margin=1"), "'sianett' is no part", "'sianet'"),
    "no value": ((*SPGAN, "--set", "sianet.margin"), "NAME.PARAMETER=VALUE"),
    "no owner": ((*SPGAN, "--set", "margin=1"), "NAME.PARAMETER=VALUE"),
    "device": ((*SPGAN, "--device", "gpu"), "--device takes"),
    "precision": ((*SPGAN, "--precision", "fp8"), "--precision takes", "'fp8'"),
    "seed": ((*SPGAN, "--seed", "-1"), "--seed"),
    "untranslated": (("--translator", "none", "--constraint", "sianet"), "needs a translator"),
    "same data": ((*SPGAN, "--set", "target.domain=a"), "source and target are the same data"),
    "data root": ((*SPGAN, "--source", "market1501"), "--data-root"),
    "backbone": ((*SPGAN, "--set", "ide.backbone=resnet51"), "resnet51"),
}


@pytest.mark.parametrize(("args", "said"), [(a, s) for a, *s in USAGE.values()], ids=USAGE)
def test_a_slip_is_one_error_with_exit_code_2(place, args, said, monkeypatch):
    monkeypatch.delenv("REIDBENCH_DATA_ROOT", raising=False)
    refused(place("run", *args), place.cache, 2, *said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no benchmark is named 'syntetic'"),
        ("seeds = [0", "is not a benchmark"),
        ("version = 1", "is not a benchmark"),
    ],
)
def test_what_is_no_benchmark_is_refused(place, text, said):
    name = "syntetic"
    if text:
        place.benchmark.write_text(text)
        name = str(place.benchmark)
    refused(place("run", *SPGAN, "--benchmark", name), place.cache, 2, said)


def test_an_unknown_protocol_is_refused(place):
    text = place.benchmark.read_text()
    place.benchmark.write_text(text.replace('name = "market1501"', 'name = "market1502"'))
    refused(place("run", *SPGAN), place.cache, 2, "no protocol is named", "'market1501'")


def test_images_that_are_too_small_for_the_networks_are_refused(place):
    text = place.benchmark.read_text()
    place.benchmark.write_text(text.replace("[32, 24]", "[16, 8]"))
    refused(place("run", *SPGAN), place.cache, 2, "at least 24 pixels a side")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without an accelerator")
def test_a_device_that_is_not_there_is_refused(place):
    run = place("run", *SPGAN, "--device", "cuda")
    refused(run, place.cache, 2, "this machine has 0 CUDA devices")


def test_a_constraint_that_the_translator_cannot_serve_is_refused(place, install):
    install("needy", NEEDY)
    run = place("run", "--translator", "cyclegan", "--constraint", "warped")
    refused(run, place.cache, 2, "'warped' needs grid", "'cyclegan'")


@pytest.fixture
def market(place, tmp_path):
    """A small Market-1501 as the source, and a run on it."""
    write_tiny_benchmark(place.benchmark, source="market1501")
    home = market_tree(tmp_path / "data" / "Market-1501-v15.09.15")
    return home, ("run", *SPGAN, "--data-root", str(home.parent))


def test_a_whole_small_copy_is_run_on(place, market):
    """The tests below fail for what they break, not for the copy being small."""
    _, args = market
    assert place(*args).exit_code == 0


def test_a_data_root_that_is_not_there_is_refused(place, market, tmp_path):
    _, args = market
    nowhere = str(tmp_path / "nowhere")
    refused(place(*args[:-1], nowhere), place.cache, 1, nowhere)


def test_half_a_dataset_is_refused(place, market):
    home, args = market
    for image in (home / "query").iterdir():
        image.unlink()
    (home / "query").rmdir()
    refused(place(*args), place.cache, 1, "query")


def test_a_folder_without_images_is_refused(place, market):
    home, args = market
    for image in (home / "bounding_box_train").glob("*.jpg"):
        image.unlink()
    refused(place(*args), place.cache, 1, "train")


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 cut off", b"<html>404</html>"])
def test_a_broken_image_is_named_before_any_training(place, market, content):
    home, args = market
    image = home / "bounding_box_train" / "0007_c3s3_077419_03.jpg"
    image.write_bytes(content)
    refused(place(*args), place.cache, 1, image.name)


def test_a_broken_image_of_the_target_is_named_before_any_training(place, tmp_path):
    write_tiny_benchmark(place.benchmark, target="prid2011")
    home = prid_tree(tmp_path / "prid")
    image = home / Prid2011(root=str(home)).samples("train").names[-1]
    image.write_bytes(b"")
    run = place("run", *SPGAN, "--data-root", str(home))
    refused(run, place.cache, 1, image.name)


def test_a_target_without_images_is_refused(place, tmp_path):
    write_tiny_benchmark(place.benchmark, target="prid2011")
    home = tmp_path / "prid"
    for camera in ("cam_a", "cam_b"):
        write_image(home / camera / "keep.png", 0)
        (home / camera / "keep.png").unlink()
    refused(place("run", *SPGAN, "--data-root", str(home)), place.cache, 1, "prid2011")


@pytest.mark.parametrize("option", ["--cache", "--results"])
def test_a_folder_that_cannot_be_written_is_refused(place, tmp_path, option):
    blocked = tmp_path / "file" / "folder"
    blocked.parent.write_text("a file where a folder should be")
    run = place("run", *SPGAN, option, str(blocked))
    refused(run, place.cache, 1, f"cannot write {blocked}")
    run = place("run", *SPGAN, option, str(blocked.parent))
    refused(run, place.cache, 2, option, str(blocked.parent))


def test_a_full_cache_is_one_error(place, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    refused(place("run", *SPGAN), place.cache, 1, "the disk is full", str(place.cache))
    monkeypatch.undo()
    monkeypatch.setattr(Store, "_commit", full)
    refused(place("run", *SPGAN), place.cache, 1, "the disk is full", str(place.cache))
    monkeypatch.undo()
    assert place("run", *SPGAN).exit_code == 0


def test_debug_shows_the_traceback(place):
    run = place.debug("run", "--method", "spgn")
    assert run.exit_code == 2
    assert "Traceback" in run.stderr
    assert "error: no method is named 'spgn'" in run.stderr
