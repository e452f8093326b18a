"""S and the critics find the homography between low and high cameras, of which nothing is told."""

import numpy as np
import pytest
import torch
from reidbench_sagan.transforms import corner_error
from reidbench_sagan.translator import SAGAN

from reidbench.data.arrays import ImageArray
from reidbench.data.decode import decode
from reidbench.data.synthetic import Synthetic
from reidbench.engine.gan import BatchDrawer, Domains, set_up
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.streams import stream
from reidbench.interfaces import Clock

STEPS, SIZE = 200, (32, 24)
CPU = Hardware(torch.device("cpu"))


def domain(name):
    height, width = SIZE
    return Synthetic(
        domain=name, ids=120, images_per_camera=2, camera_gap=0.0, height=height, width=width
    )


def rendered(name, folder):
    folder.mkdir()
    decode(domain(name), "train", SIZE, folder, workers=1)
    return ImageArray.open(folder)


def errors(translator, domains, truth):
    """Return the mean corner errors of T_xy and T_yx over 64 images each, with codes."""
    rows, code = np.arange(64), torch.randn(64, translator.code_size)
    found = []
    for array, src, wanted in (
        (domains.source, 0, truth),
        (domains.target, 1, np.linalg.inv(truth)),
    ):
        with torch.no_grad():
            warp = translator.warp(array.images(rows, CPU.device), src, 1 - src, code)
        found.append(corner_error(warp.parameters, torch.tensor(wanted).contiguous()).mean().item())
    return np.array(found)


@pytest.mark.slow
def test_corner_errors_fall(tmp_path):
    truth = domain("high").viewpoint(0) @ np.linalg.inv(domain("low").viewpoint(0))
    domains = Domains.of(*(rendered(name, tmp_path / name) for name in ("low", "high")))
    translator = SAGAN(
        pixel=False, discriminator_width=16, localisation_width=4, lr=1e-3, flip=False
    )
    set_up(translator, "sagan", domains.context(translator, CPU), seed=0)
    draw = BatchDrawer(domains, 4, translator, {}, Loop(tmp_path, 0, CPU))
    before = errors(translator, domains, truth)
    assert before == pytest.approx([0.835, 0.529], abs=2e-3)  # of the identity
    for step in range(STEPS):
        with stream(0, "translator", step):
            translator.training_step(draw(step), lambda hops: torch.zeros(()), Clock(step, STEPS))
    after = errors(translator, domains, truth)
    assert after.sum() < 0.85 * before.sum()
    assert after[1] < 0.85 * before[1]
