from collections.abc import Callable

import pytest
import torch
from reidbench_sagan.translator import SAGAN

from reidbench.interfaces import UNLABELLED, Batch, Context, Images
from reidbench.testing.fixtures import seeded
from reidbench.testing.tensors import fixed_seed, wave

SIZE = (32, 24)
SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4, "localisation_width": 2}


@pytest.fixture
def context() -> Context:
    return Context(SIZE, num_pids=4, num_domains=2, device=torch.device("cpu"))


@pytest.fixture
def make(context: Context) -> Callable[..., SAGAN]:
    """Return a small SA-GAN whose initial weights are always the same, S still at its start."""

    def build(**parameters: object) -> SAGAN:
        with fixed_seed(7):
            translator = SAGAN(**(SMALL | parameters))
            translator.setup(context)
        return translator

    return build


@pytest.fixture
def bent(make: Callable[..., SAGAN]) -> Callable[..., SAGAN]:
    """Return one whose S already moves pixels, by other transforms for other codes."""

    def build(**parameters: object) -> SAGAN:
        translator = make(**parameters)
        with fixed_seed(8):
            for direction in (translator.to_target, translator.to_source):
                torch.nn.init.normal_(direction.spatial.localisation.last.weight, 0.0, 2.0)
                torch.nn.init.normal_(direction.spatial.localisation.last.bias, 0.0, 0.4)
        return translator

    return build


@pytest.fixture
def batch() -> Batch:
    """Return four images of each domain, with masks."""
    pid, hidden, cam = torch.arange(4), torch.full((4,), UNLABELLED), torch.zeros(4).long()
    masks = [(wave(4, phase, channels=1) > 0).float() for phase in (0.7, 2.2)]
    return Batch(
        Images(wave(4, 0.0), pid, cam, masks[0]), Images(wave(4, 1.5), hidden, cam, masks[1])
    )
