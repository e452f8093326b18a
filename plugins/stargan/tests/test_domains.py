"""The discriminator learns to tell the rendered domains apart."""

import numpy as np
import torch
from reidbench_stargan.translator import StarGAN

from reidbench.data.arrays import ImageArray
from reidbench.data.decode import decode
from reidbench.data.synthetic import Synthetic
from reidbench.engine.gan import BatchDrawer, Domains
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.streams import stream
from reidbench.interfaces import Clock, Context

STEPS = 120
CPU = Hardware(torch.device("cpu"))


def rendered(domain, folder):
    folder.mkdir()
    dataset = Synthetic(domain=domain, ids=16, images_per_camera=4, height=32, width=16)
    decode(dataset, "train", (32, 16), folder, workers=1)
    return ImageArray.open(folder)


def test_the_domain_head_learns_the_cameras(tmp_path):
    domains = Domains.of(*(rendered(d, tmp_path / d) for d in "ab"))
    assert domains.cameras == 3
    translator = StarGAN(
        width=2, blocks=0, discriminator_width=8, lr=2e-3, decay_from=1.0, generator_every=10
    )
    with stream("domains"):
        translator.setup(Context((32, 16), 8, 4, CPU.device))
    draw = BatchDrawer(domains, 16, translator, {}, Loop(tmp_path, 0, CPU))
    for step in range(STEPS):
        with stream("domains", step):
            translator.training_step(draw(step), lambda hops: torch.zeros(()), Clock(step, STEPS))
    everything = domains.target.images(np.arange(len(domains.target)), CPU.device)
    with torch.no_grad():
        _, logits = translator.discriminator(everything.pixels)
    assert (logits.argmax(1) == 1 + everything.cam).float().mean() > 2 / 3  # by chance a third
