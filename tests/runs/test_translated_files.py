"""Runs on images that another program translated."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reidbench.config.benchmark import Benchmark
from reidbench.config.compose import Request
from reidbench.data.arrays import ImageArray
from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry.registry import Registry
from reidbench.results.leaderboard import build
from reidbench.results.result import Result
from reidbench.runs.plan import Plan
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Session, run_plan
from reidbench.stages import ReadTranslations
from reidbench.testing.toy_runs import make_plan
from reidbench.testing.toys import ToyDataset

FILES = Request(translator="files", learner="toy")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder in which every training image of the source has a darker translation."""
    out, data = tmp_path / "my-gan", ToyDataset(domain="a")
    (out / "train").mkdir(parents=True)
    for row, name in enumerate(data.samples("train").names):
        Image.fromarray(data.read("train", row) // 2).save(out / name.replace(".", "_fake_B."))
    return out


def planned(registry: Registry, benchmark: Benchmark, folder: Path, **more: object) -> Plan:
    return make_plan(registry, benchmark, request=FILES, files__root=str(folder), **more)


def ran(plan: Plan, session: Session) -> Result:
    return result_of(run_plan(plan, session), datetime.now(UTC))


def test_what_is_learned_from_is_the_folders_images(
    registry: Registry, benchmark_: Benchmark, session: Session, folder: Path
) -> None:
    plan = planned(registry, benchmark_, folder)
    result = ran(plan, session)
    (stage,) = [s for s in plan.stages if isinstance(s, ReadTranslations)]
    with (
        session.store.held(stage.key) as artifact,
        session.store.held(stage.images.key) as originals,
    ):
        made, real = ImageArray.open(artifact.path), ImageArray.open(originals.path)
        assert np.abs(made.pixels.astype(int) - real.pixels // 2).mean() < 2
        assert made.pids.tolist() == real.pids.tolist()
        assert artifact.manifest["sizes"] == {"32x16": len(made)}
    assert result.recipe["provenance"]["images"] == (
        f"translated elsewhere: my-gan, files {stage.fingerprint}"
    )
    assert result.uses["translated_elsewhere"] is True
    assert result.recipe["budget"] is None
    assert str(folder) not in json.dumps(result.to_dict())
    assert plan.preview is not None
    assert not any(s.kind == "translator" for s in plan.stages)


def test_it_is_ranked_by_what_the_folder_holds(
    registry: Registry, benchmark_: Benchmark, session: Session, folder: Path
) -> None:
    first = [
        ran(make_plan(registry, benchmark_, seed, FILES, files__root=str(folder)), session)
        for seed in benchmark_.seeds
    ]
    assert [r.modified for r in first] == [{}, {}]
    (board,) = build(first).boards
    assert [row.entry.uses for row in board.rows] == [("images", "translated elsewhere")]
    image = folder / "train" / "0_fake_B.png"
    Image.fromarray(255 - np.asarray(Image.open(image))).save(image)
    other = ran(make_plan(registry, benchmark_, 0, FILES, files__root=str(folder)), session)
    assert other.recipe["provenance"] != first[0].recipe["provenance"]
    assert other.recipe["digest"] == first[0].recipe["digest"]


def test_missing_translations_are_refused_unless_they_are_declared(
    registry: Registry, benchmark_: Benchmark, session: Session, folder: Path
) -> None:
    (folder / "train" / "0_fake_B.png").unlink()
    with pytest.raises(
        ReidbenchError, match=r"1 of 24 source images have no .* first train/0\.png"
    ):
        planned(registry, benchmark_, folder)
    plan = planned(registry, benchmark_, folder, files__missing=True)
    result = ran(plan, session)
    assert result.translation["images"]["source"] == 23
    assert result.recipe["translator"]["parameters"]["missing"] is True


def test_what_files_cannot_do_is_refused(
    registry: Registry, benchmark_: Benchmark, folder: Path
) -> None:
    constrained = Request(translator="files", constraints=["kept"], learner="toy")
    with pytest.raises(UsageError, match="constraint 'kept' could change"):
        make_plan(registry, benchmark_, request=constrained, files__root=str(folder))
    backwards = Request(translator="files", learner="toy", direction="target-to-source")
    with pytest.raises(UsageError, match="translated training images of the source"):
        make_plan(registry, benchmark_, request=backwards, files__root=str(folder))
    with pytest.raises(UsageError, match=r"--set files\.root=FOLDER"):
        make_plan(registry, benchmark_, request=FILES)
