from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from reidbench.engine.checkpoints import Checkpoints
from reidbench.engine.loop import Loop
from reidbench.errors import ReidbenchError
from reidbench.progress import silent
from reidbench.storage.checkpoint import save_state
from reidbench.testing.toy_runs import CPU
from tests.engine.test_loop import STEPS, StoppedError, Study, assert_equal

LAST, BEFORE = "train.safetensors", "train.before.safetensors"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 16
    path.write_bytes(content)


def saved(folder: Path, *values: float) -> tuple[Checkpoints, nn.Module]:
    checkpoints, network = Checkpoints(folder, "train"), nn.Linear(1, 1)
    for step, value in enumerate(values, 1):
        nn.init.constant_(network.weight, value)
        checkpoints.save({"network": network}, step)
    return checkpoints, nn.Linear(1, 1)


@pytest.mark.parametrize(
    ("damaged", "step", "weight", "rest"),
    [
        ((), 3, 0.3, None),
        ((BEFORE,), 3, 0.3, None),
        ((LAST,), 2, 0.2, "the one before it is used"),
        ((LAST, BEFORE), 0, None, "the training begins anew"),
    ],
)
def test_the_newest_whole_checkpoint_is_used(tmp_path, damaged, step, weight, rest):
    checkpoints, network = saved(tmp_path, 0.1, 0.2, 0.3)
    for name in damaged:
        flip(tmp_path / name)
    before, told = float(network.weight.detach()), []
    assert checkpoints.resume({"network": network}, 5, told.append) == step
    assert float(network.weight.detach()) == pytest.approx(before if weight is None else weight)
    if rest is None:
        assert told == []
    else:
        assert told[-1].endswith(rest)
        assert "is damaged; it is set aside as train.damaged.safetensors" in told[0]
        assert (tmp_path / "train.damaged.safetensors").exists()


def test_a_crash_between_two_checkpoints_loses_neither(tmp_path):
    checkpoints, network = saved(tmp_path, 0.1, 0.2)
    (tmp_path / LAST).unlink()
    assert checkpoints.resume({"network": network}, 5, pytest.fail) == 1


def test_without_links_the_one_before_is_kept_too(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(1, "not here")

    monkeypatch.setattr("os.link", refuse)
    checkpoints, network = saved(tmp_path, 0.1, 0.2)
    flip(tmp_path / LAST)
    assert checkpoints.resume({"network": network}, 5, lambda line: None) == 1


@pytest.mark.parametrize("step", [-3, 10**9, 1.5, None, True, "3"])
def test_an_impossible_step_is_refused(tmp_path, step):
    network = nn.Linear(1, 1)
    save_state(tmp_path / LAST, {"network": network}, step)
    with pytest.raises(ReidbenchError, match=r"tells of step .* of 5; remove it with"):
        Checkpoints(tmp_path, "train").resume({"network": network}, 5, pytest.fail)


def test_a_training_that_loses_its_last_checkpoint_ends_bit_identical(tmp_path):
    whole = Study().train(Loop(tmp_path / "whole", 0, CPU, silent, 0))
    with pytest.raises(StoppedError):
        Study(stop=("second", STEPS - 1)).train(Loop(tmp_path / "resumed", 0, CPU, silent, 0))
    flip(tmp_path / "resumed" / "second.safetensors")
    told: list[str] = []
    resumed = Study()
    assert_equal(resumed.train(Loop(tmp_path / "resumed", 0, CPU, silent, 0, told.append)), whole)
    assert len(told) == 1
    assert resumed.seen[0][:2] == ("second", STEPS - 2)
    assert torch.isfinite(next(resumed.network.parameters())).all()
