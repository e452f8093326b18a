"""Test images translated to the source's style, fold by fold, on a generated GRID."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reidbench.data.readers.grid import PARTITIONS
from reidbench.registry.loading import load_plugins
from reidbench.testing.tiny import TINY
from tests.acceptance.conftest import Place
from tests.acceptance.ground import computed, write_plugin
from tests.data.small_trees import grid_partitions, grid_tree

# Fold 0 trains persons 1 to 125, fold 1 trains 14 to 138, and so on.
FOLDS = [set(range(first, first + 125)) for first in range(1, 131, 13)]
RUN = ("--translator", "spy", "--learner", "toy", "--direction", "target-to-source")

# It notes the centre of every target image that it trains on, a list each time it is set up.
SPY = """
    from reidbench.hookspecs import hookimpl
    from reidbench.testing.toys import ToyTranslator

    SEEN = []

    class Spy(ToyTranslator):
        def setup(self, ctx):
            super().setup(ctx)
            SEEN.append([])

        def training_step(self, batch, extra_loss, clock):
            pixels = batch.target.pixels
            centres = pixels[:, :, pixels.shape[2] // 2, pixels.shape[3] // 2]
            SEEN[-1] += ((centres + 1) * 127.5).tolist()
            return super().training_step(batch, extra_loss, clock)

    @hookimpl
    def reidbench_register(registry):
        registry.translator("spy", "reidbench_spy:Spy")
        registry.learner("toy", "reidbench.testing.toys:ToyLearner")
"""


def write_colours(home: Path) -> None:
    """Write GRID with a colour a person, on a grid of 16 by 16; the extra images are black."""
    grid_tree(home)
    for path in (*home.glob("probe/*.jpeg"), *home.glob("gallery/*.jpeg")):
        person = int(path.name[:4])
        colour = (8 + 16 * (person % 16), 8 + 16 * (person // 16), 200)
        Image.new("RGB", (4, 8), colour if person else 0).save(path, quality=95)
    grid_partitions(home / PARTITIONS, map(sorted, FOLDS))


def person_of(colour: list[float]) -> int:
    red, green = (round((value - 8) / 16) for value in colour[:2])
    return red + 16 * green


def benchmark_of_folds(path: Path) -> Path:
    """Write the tiny benchmark with the first three folds of GRID as its target."""
    source, protocol = TINY.index("\n[target]"), TINY.index("[protocol]")
    target = '\n[target]\nname = "grid"\n\n'
    text = TINY[:source] + target + TINY[protocol:].replace("market1501", "single-shot")
    text = text.replace("steps = 4\nbatch = 2", "steps = 60\nbatch = 4")
    path.write_text("splits = [0, 1, 2]\n" + text)
    return path


@dataclass(frozen=True)
class Ground:
    """GRID, a benchmark of its folds, and the centres of what was seen so far."""

    place: Place
    root: Path
    seen: list[list[list[float]]]

    def trainings(self) -> list[set[int]]:
        """Return the persons that each training has seen; what is only applied sees nobody."""
        return [{person_of(colour) for colour in colours} for colours in self.seen if colours]

    def run(self, *args: str) -> tuple[dict[str, Any], str]:
        """Return the result of a run, and what it told."""
        done = self.place("run", *RUN, "--data-root", str(self.root), "--json", *args)
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    def artifacts(self) -> dict[str, int]:
        """Return how many stages of each kind have been computed."""
        kinds = ("translator", "translate-test", "learn", "embed", "evaluate")
        return {kind: len(computed(self.place.cache, kind)) for kind in kinds}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("folds")
    write_colours(folder / "data" / "grid")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REIDBENCH_CACHE", str(folder / "private"))
        # Decoding in this process: new ones take longer to start than these images to read.
        patched.setattr(os, "sched_getaffinity", lambda _: {0})
        patched.syspath_prepend(str(write_plugin(folder / "site", "spy", SPY)))
        load_plugins.cache_clear()
        load_plugins()
        place = Place(
            benchmark_of_folds(folder / "folds.toml"), folder / "cache", folder / "results"
        )
        yield Ground(place, folder / "data", sys.modules["reidbench_spy"].SEEN)
    load_plugins.cache_clear()


@pytest.fixture(scope="module")
def first(ground: Ground) -> tuple[dict[str, Any], list[set[int]]]:
    """The result of a run of three folds, and the persons that each of its trainings has seen."""
    result, _ = ground.run()
    return result, ground.trainings()


def test_no_training_of_a_fold_sees_its_test_persons(first) -> None:
    _, persons = first
    assert len(persons) == 3
    for fold, seen in zip(FOLDS, persons, strict=False):
        assert seen <= fold
        assert len(seen) > 100


def test_each_fold_has_a_translator_and_all_share_the_source_model(ground, first) -> None:
    assert ground.artifacts() == {
        "translator": 3,
        "translate-test": 6,  # query and gallery
        "learn": 1,
        "embed": 6,  # direct transfer embeds the images as they are
        "evaluate": 6,
    }


def test_a_second_run_computes_nothing(ground, first) -> None:
    result, _ = first
    before, trainings = ground.artifacts(), len(ground.trainings())
    again, told = ground.run()
    assert "to compute" not in told
    assert (ground.artifacts(), len(ground.trainings())) == (before, trainings)
    assert again["scores"] == result["scores"]


def test_the_scores_are_the_mean_over_the_folds_and_name_them(first) -> None:
    result, _ = first
    scores, target = result["scores"], result["benchmark"]["target"]
    each = [split["rank1"] for split in scores["splits"]]
    assert len(each) == 3
    assert scores["spread"]["rank1"]["sd"] == pytest.approx(statistics.stdev(each))
    assert target["division"] == [f"official fold {fold}" for fold in range(3)]
    assert result["recipe"]["direction"] == "target-to-source"
    assert result["uses"] == {**result["uses"], "target_images": True, "test_images": False}


def test_one_fold_by_hand_is_the_one_of_all(ground, first) -> None:
    result, _ = first
    before = ground.artifacts()
    one, _ = ground.run("--set", "target.split=1")
    assert ground.artifacts() == before
    assert one["scores"]["rank1"] == result["scores"]["splits"][1]["rank1"]


def test_the_leak_of_the_release_is_declared(ground, first) -> None:
    leaking, _ = ground.run("--set", "target.train=all", "--set", "target.split=0")
    assert ground.trainings()[-1] - FOLDS[0]
    assert leaking["uses"]["test_images"]
    assert leaking["modified"]["target.train"] == "all"
    assert "everybody in training" in leaking["benchmark"]["target"]["division"]
