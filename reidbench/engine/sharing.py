"""Networks whose rows several processes share; everything around them sees the whole batch.

Each process calls a network on the whole batch, as if it were alone. The network computes the rows
of its own process, and the outputs of all are gathered; backwards the gradients of the rows are
gathered and those of the weights are added up. So whatever is made of outputs is made of the whole
batch: means over rows that do not divide, the hardest triplets, a history of images, gradient
penalties. Losses and weights are those of one process, but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.conv import _ConvNd

from reidbench.engine.batch_layers import WholeBatch
from reidbench.engine.collectives import all_rows, own_rows, shared
from reidbench.engine.nested import mapped, tensors_in
from reidbench.engine.ranks import Ranks
from reidbench.engine.trials import treats_rows_apart
from reidbench.errors import ReidbenchError
from reidbench.storage.checkpoint import State

ALIKE = 1e-2
"""Relative difference of weights above which ranks have not computed the same."""
ALIKE_EVERY = 100
"""Steps after which all ranks take the first one's weights. What every rank computes for itself may
be rounded apart on an accelerator, and trainings of GANs make much of little."""
ROWS_TRIED = 2
"""Rows of each process that a network is tried on."""


class _Whole(nn.Module):
    """A network under another name, so that its weights can be replaced for one call."""

    def __init__(self, module: nn.Module, forward: Callable[..., Any]) -> None:
        super().__init__()
        self.module, self.made = module, forward

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.made(*args, **kwargs)


class Sharing:
    """The networks of a training, and whether one of them is computing just now.

    Attributes:
        busy: True within a network: those that it is made of are not split again.
    """

    def __init__(self, ranks: Ranks, say: Callable[[str], None]) -> None:
        self.ranks, self.say, self.busy = ranks, say, False

    @contextmanager
    def within(self) -> Iterator[None]:
        """Compute a network as it is in the body."""
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Sharing:
        """Return itself: copies of a network are split by the same processes."""
        return self


class SharedNetwork:
    """Stands for the ``forward`` of a network.

    Args:
        module: the network.
        name: of the network, for a person to read.
        sharing: of the training.
    """

    def __init__(self, module: nn.Module, name: str, sharing: Sharing) -> None:
        self.module, self.name, self.sharing = module, name, sharing
        self.original: Callable[..., Any] = module.forward
        self._splits: dict[Any, bool] = {}  # by what decides which way the network goes

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the network makes of the whole batch."""
        if self.sharing.busy:
            return self.original(*args, **kwargs)
        rows = _rows(args, kwargs)
        if rows < self.sharing.ranks.count or not self._can_split(rows, args, kwargs):
            return self.whole(args, kwargs)
        return self.split(rows, args, kwargs)

    def whole(self, args: Any, kwargs: Any) -> Any:
        """Compute all rows here."""
        with self.sharing.within():
            return self.original(*args, **kwargs)

    def split(self, rows: int, args: Any, kwargs: Any) -> Any:
        """Compute this rank's rows and return those of all."""
        ranks = self.sharing.ranks
        args, kwargs = mapped(lambda x: own_rows(ranks, x), (args, kwargs))
        with self.sharing.within(), WholeBatch(ranks, rows):
            made = self._called(args, kwargs)
        own = ranks.sizes(rows)[ranks.rank]
        if any(not x.ndim or len(x) != own for x in tensors_in(made)):
            raise ValueError(f"{self.name} returned a tensor that has not a row for each image")
        return mapped(lambda x: all_rows(ranks, x, rows), made)

    def _called(self, args: Any, kwargs: Any) -> Any:
        """Call the network on own rows; its weights' gradients are those of all rows."""
        named = self.module.named_parameters()
        learning = {f"module.{name}": p for name, p in named if p.requires_grad}
        if not (learning and torch.is_grad_enabled()):
            return self.original(*args, **kwargs)
        weights = shared(self.sharing.ranks, *learning.values())
        replaced = dict(zip(learning, weights, strict=True))
        return functional_call(_Whole(self.module, self.original), replaced, args, kwargs)

    def _can_split(self, rows: int, args: Any, kwargs: Any) -> bool:
        """Return whether the network treats rows apart, as a trial on some of them shows."""
        form = self.module.training, *map(_form, (*args, *kwargs.values())), *kwargs
        if form not in self._splits:
            few = min(rows, ROWS_TRIED * self.sharing.ranks.count)
            self._splits[form] = self._tried(few, args, kwargs)
            if not self._splits[form]:
                self.sharing.say(
                    f"{self.name} does not treat images one by one: each device computes it on "
                    "the whole batch"
                )
        return self._splits[form]

    def _tried(self, rows: int, args: Any, kwargs: Any) -> bool:
        def split(twin: nn.Module, args: Any, kwargs: Any) -> Any:
            return _stand_in(twin).split(rows, args, kwargs)

        def whole(twin: nn.Module, args: Any, kwargs: Any) -> Any:
            return _stand_in(twin).whole(args, kwargs)

        args, kwargs = mapped(lambda x: x[:rows], (args, kwargs))
        ranks = self.sharing.ranks
        return treats_rows_apart(self.module, args, kwargs, ranks, whole, split)


@contextmanager
def sharing_networks(
    state: State, ranks: Ranks, say: Callable[[str], None]
) -> Iterator[Callable[[int, int], None]]:
    """Let the ranks share the rows of the networks of a training in the body.

    A network is a module, of those in ``state``, that holds convolutions; of those within each
    other the outermost that is called. What a network draws, normalises over the batch or drops
    out is that of the whole batch. One that does not treat rows apart, as a trial shows, is
    computed by every rank on the whole batch, and said so.

    Args:
        state: modules and optimisers of the training, by name.
        ranks: the processes.
        say: told of networks that cannot be split.

    Yields:
        What to call after each step, with its index and the number of steps: now and then it gives
        all ranks the first one's weights.

    Raises:
        ReidbenchError: if a rank's weights are others than the first one's.
    """

    def alike(index: int, steps: int) -> None:
        if ranks.count > 1 and ((index + 1) % ALIKE_EVERY == 0 or index + 1 == steps):
            keep_alike(state, ranks)

    if ranks.count == 1:
        yield alike
        return
    sharing = Sharing(ranks, say)
    held = [
        (f"{name}.{path}" if path else name, module)
        for name, part in state.items()
        if isinstance(part, nn.Module)
        for path, module in part.named_modules()
        if _is_network(module)
    ]
    before = [vars(module).get("forward") for _, module in held]
    for name, module in held:
        vars(module)["forward"] = SharedNetwork(module, name, sharing)
    try:
        yield alike
    finally:
        for (_, module), own in zip(held, before, strict=True):
            vars(module).pop("forward")
            if own is not None:
                vars(module)["forward"] = own


def keep_alike(state: State, ranks: Ranks) -> None:
    """Give all ranks the first one's weights, which differ from theirs by rounding at most.

    Raises:
        ReidbenchError: if they differ by more.
    """
    for name, part in state.items():
        if not isinstance(part, nn.Module):
            continue
        apart = size = 0.0
        for tensor in part.state_dict().values():
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                first = ranks.take_over(tensor)
                apart += float((first.double() - tensor.double()).square().sum())
                size += float(first.double().square().sum())
                tensor.copy_(first)
        if apart > ALIKE**2 * size:
            raise ReidbenchError(
                f"process {ranks.rank + 1} of {ranks.count} computed other weights of '{name}' "
                "than the first one: a step draws random numbers that are not torch's, or reads "
                "what is not the same everywhere; leave --devices out"
            )


def _is_network(module: nn.Module) -> bool:
    """Return whether a module holds convolutions; a bare one is no network."""
    return not isinstance(module, _ConvNd) and any(
        isinstance(part, _ConvNd) for part in module.modules()
    )


def _stand_in(twin: nn.Module) -> SharedNetwork:
    """Return what stands for the ``forward`` of a copy."""
    stands = twin.forward
    assert isinstance(stands, SharedNetwork)
    return stands


def _form(value: Any) -> object:
    """Return of an argument what may decide which way a network goes."""
    return value if value is None or isinstance(value, bool | str) else type(value)


def _rows(args: Any, kwargs: Any) -> int:
    """Return the rows that all tensors have; 0 if they have not the same or there is none."""
    rows = {len(x) if x.ndim else 0 for x in tensors_in((args, kwargs))}
    return rows.pop() if len(rows) == 1 else 0
