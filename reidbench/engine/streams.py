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
    seed = derive_seed(*axis)
    with torch.random.fork_rng(devices=[]), _on_accelerators(seed):
        torch.default_generator.manual_seed(seed)
        yield


@contextmanager
def _on_accelerators(seed: int) -> Iterator[None]:
    """Let the global streams of CUDA devices start from ``seed``, and go on afterwards.

    Where they stand is a seed and a count, which the host knows: reading their state would wait for
    the device, and a stream in another generator would not reach captured graphs.
    """
    initialised = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    streams = torch.cuda.default_generators if initialised else ()
    stood = [(stream.initial_seed(), stream.get_offset()) for stream in streams]
    for stream in streams:
        stream.manual_seed(seed)
    try:
        yield
    finally:
        for stream, (before, offset) in zip(streams, stood, strict=True):
            stream.manual_seed(before)
            stream.set_offset(offset)


def generator(*axis: JSON) -> torch.Generator:
    """Return a CPU generator on the stream named by ``axis``."""
    return torch.Generator().manual_seed(derive_seed(*axis))
