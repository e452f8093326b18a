"""Named random streams, which replace torch's global stream while a body runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from reidbench.storage.keys import JSON, derive_seed


@contextmanager
def stream(*axis: JSON) -> Iterator[None]:
    """Run the body on the stream named by ``axis`` and leave the surrounding one untouched.

    The axis must name the training step where there is one: the stream then advances from step
    to step, and resuming needs no saved state.
    """
    initialised = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = range(torch.cuda.device_count()) if initialised else []
    with torch.random.fork_rng(devices=devices):
        seed_global_stream(derive_seed(*axis))
        yield


def seed_global_stream(seed: int) -> None:
    """Let torch's global stream start from ``seed``, on every device.

    ``torch.manual_seed`` also writes down the stack for each kind of accelerator that is not in
    use yet, a hundred times slower than seeding; without CUDA there is none to seed.
    """
    if torch.cuda.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def generator(*axis: JSON) -> torch.Generator:
    """Return a CPU generator on the stream named by ``axis``."""
    return torch.Generator().manual_seed(derive_seed(*axis))
